#include "pipeline/stages.hpp"

namespace ratiofarm {

Command search_command() {
    return stage_command({"search", search_stage},
                         "Looks for a good setting of the nets, as [search] says: random trials, "
                         "of which bad ones are stopped early.",
                         Trainers::used, Needs::selection);
}

}  // namespace ratiofarm
