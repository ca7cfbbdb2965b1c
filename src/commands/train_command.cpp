#include "stages.hpp"

namespace ratiofarm {

Command train_command() {
    return stage_command({"train", train_stage},
                         "Trains every net that is not trained yet; resumes from checkpoints.",
                         Trainers::used);
}

}  // namespace ratiofarm
