#pragma once

#include <cstdint>
#include <vector>

#include "ratiofarm/h5/dataset.hpp"
#include "ratiofarm/h5/file.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"

namespace ratiofarm {

/// The group /nets: one row per net in each of its datasets.
class NetTables {
public:
    /// Makes the empty datasets. For one rank.
    static void create(const h5::File& file, const EnsembleHeader& header);

    /// Size of the datasets.
    static std::uint64_t bytes(const EnsembleHeader& header);

    /// \throws DataError if a dataset is missing or has another type or shape than the header says
    NetTables(const h5::File& file, const EnsembleHeader& header);

    /// Writes one row of each dataset, the checksums last.
    /// \throws DataError if the net does not fit the header
    void write(std::uint64_t net, const EnsembleNet& value) const;

    /// One net, its two checksums verified.
    /// \throws DataError naming dataset and row
    EnsembleNet read(std::uint64_t net) const;

    /// First byte of net 0.
    std::uint64_t weights_offset() const { return weights_offset_; }

private:
    template <h5::Element T>
    void put(std::size_t table, std::uint64_t net, std::vector<T> values) const;
    template <h5::Element T>
    std::vector<T> get(std::size_t table, std::uint64_t net) const;

    EnsembleHeader header_;
    std::vector<h5::Dataset> tables_;
    std::uint64_t weights_offset_ = 0;
};

}  // namespace ratiofarm
