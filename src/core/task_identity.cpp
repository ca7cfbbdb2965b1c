#include "task_identity.hpp"

namespace ratiofarm {

std::string family_text(TaskKind kind, std::string_view family) {
    const std::string text(family);
    switch (kind) {
        case TaskKind::trial:
        case TaskKind::trial_inference: return "search/" + text;
        case TaskKind::toys: return "toys/" + text;
        case TaskKind::gof: return "toys/gof " + text;
        case TaskKind::unfold: return "unfold/" + text;
        default: return text;
    }
}

}  // namespace ratiofarm
