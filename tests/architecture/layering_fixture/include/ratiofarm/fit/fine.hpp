#include <cmath>
#include <sys/types.h>

#include "ratiofarm/core/errors.hpp"
#include <ratiofarm/mpi/session.hpp>
