#include "pipeline/stages.hpp"

namespace ratiofarm {

Command gather_command() {
    return stage_command({"gather", gather_stage},
                         "Collects the trained nets into ensembles/<process>.h5.", Trainers::none);
}

}  // namespace ratiofarm
