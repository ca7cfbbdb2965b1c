#include "pipeline/stages.hpp"

namespace ratiofarm {

Command train_command() {
    Command command =
        stage_command({"train", train_stage},
                      "Trains every net that is not trained yet; resumes from checkpoints.",
                      Trainers::used, Needs::selection);
    command.options.push_back(
        {"shard", "I/N",
         "train only part I of N; other farms may train other parts at the same time. array: the "
         "element of a Slurm array. Afterwards 'ratiofarm collect'"});
    return command;
}

}  // namespace ratiofarm
