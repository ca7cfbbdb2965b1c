#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/tables/event_file.hpp"

#include "h5/dataset.hpp"
#include "h5/file.hpp"
#include "tables/checked_column.hpp"
#include "tables/table_file.hpp"

namespace ratiofarm {

inline constexpr TableKind events_kind{events_format, events_version};

/// What is wrong with an events file, collected over all samples.
class Problems {
public:
    explicit Problems(std::string file) : file_(std::move(file)) {}

    /// \param place dataset or sample, "/S/features row 17"
    void add(std::string_view place, std::string_view what) {
        lines_.push_back(file_ + ": " + std::string(place) + ": " + std::string(what));
    }
    const std::vector<std::string>& lines() const { return lines_; }

    /// \throws DataError with all of them, if there are any
    void throw_if_any() const;

private:
    std::string file_;
    std::vector<std::string> lines_;
};

/// How one sample is stored.
struct EventLayout {
    std::string sample;             ///< "S", or "pool@sm"
    std::string group;              ///< of the file, "pool"; of its own name in copies
    std::string weights_as_weight;  ///< further column that is the weight, "sm"; mostly empty
    h5::DatasetInfo features;
    h5::DatasetInfo weight;
    h5::DatasetInfo id;
    std::vector<std::string> columns;
    struct Weights {
        std::string name;
        h5::DatasetInfo info;
    };
    std::vector<Weights> weights;  ///< those that were asked for
    struct Particles {
        std::vector<std::string> columns;
        h5::DatasetInfo values;
        h5::DatasetInfo offsets;
        std::optional<h5::DatasetInfo> types;
    };
    std::optional<Particles> particles;  ///< if they were asked for
    struct Levels {
        std::vector<std::string> columns;  ///< of the truth
        h5::DatasetInfo truth;
        h5::DatasetInfo pass_reco;
        h5::DatasetInfo pass_truth;
    };
    std::optional<Levels> levels;  ///< if they were asked for

    std::uint64_t events() const { return weight.rows(); }
    std::string path(std::string_view dataset) const;

    /// As it is written to another file: a sample of its own.
    EventLayout written() const;

    /// Contiguous, in our types and aligned: ready to be mapped.
    bool is_native() const;
};

/// Where the further weights of a sample lie, "weights/scale_up".
inline std::string weights_dataset(std::string_view name) { return "weights/" + std::string(name); }

/// The datasets of particle lists in a sample.
inline constexpr const char* particles_dataset = "particles";
inline constexpr const char* offsets_dataset = "particle_offsets";
inline constexpr const char* types_dataset = "particle_type";

/// The datasets of truth and flags in a sample.
inline constexpr const char* truth_dataset = "truth";
inline constexpr const char* pass_reco_dataset = "pass_reco";
inline constexpr const char* pass_truth_dataset = "pass_truth";

/// As we write them: truth, pass_reco, pass_truth.
std::vector<ColumnLayout> level_columns(const std::string& sample,
                                        std::uint64_t columns,
                                        std::uint64_t events);

/// Sizes of particle lists.
struct ParticleSizes {
    std::uint64_t columns = 0;
    std::uint64_t particles = 0;
    std::uint64_t events = 0;
    bool has_types = false;
};

/// The datasets of particle lists as we write them: values, offsets and, perhaps, types.
std::vector<ColumnLayout> particle_columns(const std::string& sample, const ParticleSizes& sizes);

/// Looks at the datasets of a sample without reading events.
/// \return nothing if something is wrong; then `problems` grew
std::optional<EventLayout> read_event_layout(const h5::File& file,
                                             const SampleToRead& sample,
                                             Problems& problems);

}  // namespace ratiofarm
