#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

namespace ratiofarm {

/// [preselection]: a classifier that says where the unbinned likelihood is used. Its observables,
/// beside the columns of the events file, are
///
///     score      ln( sum_{k in signal} c_k s_k / sum_{other k} c_k s_k ), s_k being the
///                probabilities of the classes
///     max_ratio  max_k s_k / sum_l pi_l s_l, the largest ratio of a class to the reference: how
///                thin that is; pi_l is the share of class l in it
///     p_<class>  s_k
struct PreselectionSection {
    struct Class {
        std::string name;
        std::vector<std::string> processes;  ///< by their yields; the classes weigh the same
        bool operator==(const Class&) const = default;
    };
    std::vector<Class> classes;                           ///< default: one per process
    std::vector<std::string> signal;                      ///< classes in the numerator of the score
    std::vector<std::pair<std::string, double>> weights;  ///< c_k > 0 of each class; default 1
    std::vector<std::string> features = {};  ///< columns its nets see; default: events.features
    std::uint32_t members = 1;
    Network network;           ///< default: [network]; inputs = features, outputs = classes
    TrainingOptions training;  ///< default: [training]
    bool operator==(const PreselectionSection&) const = default;
};

/// low <= observable < high; observable is a column of the events file or one of the preselection.
struct Cut {
    std::string observable;
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    bool operator==(const Cut&) const = default;
};

}  // namespace ratiofarm
