#include "scheduler/host/run_farm.hpp"
