#include <vector>

#include "core/own.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "fit/search/newton.hpp"
