#include "binned_term.hpp"
// Nothing makes binned regions yet.
#include "ratiofarm/core/contracts.hpp"
namespace ratiofarm {
BinnedTerm::BinnedTerm(const BinnedRegion&, std::span<const double>, const StatisticalModel&, const InternalCoordinates&) { RATIOFARM_EXPECT(false); }
void BinnedTerm::add(std::span<const double>, Evaluation&) const {}
std::vector<double> BinnedTerm::expected(std::span<const double>) const { return {}; }
}
