#include "pipeline/stages.hpp"

namespace ratiofarm {

Command infer_command() {
    return stage_command({"infer", infer_stage},
                         "Evaluates the ensembles on the inference split and writes ratios.h5.",
                         Trainers::used);
}

}  // namespace ratiofarm
