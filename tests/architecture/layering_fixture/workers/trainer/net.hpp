#include <torch/torch.h>

#include "ratiofarm/mpi/session.hpp"
