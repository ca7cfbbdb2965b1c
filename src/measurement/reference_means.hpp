#pragma once

#include <vector>

#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/physics/statistical_model.hpp"
#include "ratiofarm/tables/ratio_file.hpp"

namespace ratiofarm {

/// Mean of r_j over the reference events: 1 for a density that is normalised.
struct ReferenceMeans {
    std::vector<double> mean;   ///< [processes of the file]
    std::vector<double> error;  ///< Monte Carlo
};

/// Collective over comm. Reads all reference events; the file must have some.
/// \throws DataError naming a process whose mean is not positive, or an event
ReferenceMeans reference_means(const mpi::Communicator& comm, const RatioFile& ratios);

/// True if nothing normalises the ratios of a region although shape_norm asks for it: the file has
/// a reference and did not do it, and there are no shapes that make the likelihood do it.
bool lacks_normalisation(const UnbinnedRegion& region, const RatioFile& ratios);

}  // namespace ratiofarm
