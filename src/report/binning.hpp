#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ratiofarm {

/// Cuts an axis into bins [edge b, edge b+1). Values beyond the outer edges count in the outer
/// bins, so that no event is dropped.
class Binning {
public:
    /// \param edges at least two, finite, strictly increasing
    /// \throws DataError otherwise
    explicit Binning(std::vector<double> edges);

    /// \throws DataError unless low < high and bins > 0
    static Binning equal_width(double low, double high, std::size_t bins);

    /// Bins of about equal total |weight|; fewer where many values coincide. The outer edges are
    /// the smallest and the largest finite value.
    /// \param values [n], one of them finite   \param weights [n]
    static Binning quantiles(std::span<const float> values,
                             std::span<const double> weights,
                             std::size_t bins);

    /// Even bins where the events are spread evenly, finer ones in a peak: their range, without a
    /// bin at each end, is halved again and again while both halves hold about 1/(2 n) of them, so
    /// that widths of neighbours differ by powers of two and the outline of the bins is
    /// that of the density. Up to 2 n distinct values, as of counts, have a bin each. Then
    /// without_sparse_bins() of fewer than `minimum` effective entries or 1/(5 n) of all.
    /// \param values [n], finite   \param weights [n]
    static Binning halved(std::span<const float> values,
                          std::span<const double> weights,
                          std::size_t n,
                          double minimum);

    /// This axis with neighbours joined until every bin holds at least `minimum` effective entries,
    /// (sum w)^2 / sum w^2, of these events: errors taken from the events of a bin are right only
    /// if there are enough of them.
    Binning without_sparse_bins(std::span<const float> values,
                                std::span<const double> weights,
                                double minimum) const;

    std::size_t bins() const { return edges_.size() - 1; }
    const std::vector<double>& edges() const { return edges_; }
    double width(std::size_t bin) const { return edges_[bin + 1] - edges_[bin]; }
    double centre(std::size_t bin) const { return 0.5 * (edges_[bin] + edges_[bin + 1]); }
    std::size_t bin_of(double value) const noexcept;

    bool operator==(const Binning&) const = default;

private:
    std::vector<double> edges_;
};

/// Values below which the given fractions of the total |weight| of the finite values lie.
/// \param fractions each in [0, 1], ascending
/// \return one value per fraction; empty if no value is finite
std::vector<double> weighted_quantiles(std::span<const float> values,
                                       std::span<const double> weights,
                                       std::span<const double> fractions);

}  // namespace ratiofarm
