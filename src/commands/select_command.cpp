#include "pipeline/stages.hpp"

namespace ratiofarm {

Command select_command() {
    return stage_command({"select", select_stage},
                         "Fills the regions of the campaign with events: trains the preselection, "
                         "writes selected.h5, selected.toml and selection.json.",
                         Trainers::used, Needs::selection);
}

}  // namespace ratiofarm
