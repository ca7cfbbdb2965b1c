#include <Eigen/Dense>
#include <torch/torch.h>

#include "../scheduler/queue.hpp"
#include <armadillo/mat.hpp>
