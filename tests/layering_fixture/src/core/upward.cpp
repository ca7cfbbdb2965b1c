#include <vector>

#include "ratiofarm/core/own.hpp"
#include "ratiofarm/fit/likelihood.hpp"
