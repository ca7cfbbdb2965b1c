#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Core>

#include "core/philox.hpp"

#include "samplers.hpp"

/// Evolution strategy with an adapted covariance matrix (Hansen, arXiv:1604.00772) in the unit
/// cube.
namespace ratiofarm {

struct CmaConstants {
    std::size_t lambda;           ///< points of a generation
    std::vector<double> weights;  ///< of its best, which make the next mean; they sum to 1
    double mu_eff;
    double c_sigma;
    double d_sigma;
    double c_c;
    double c_1;
    double c_mu;
    double chi;  ///< expected length of a standard normal vector
};

/// \param n  parameters
CmaConstants cma_constants(std::size_t n);

class CmaEs {
public:
    /// Steps begin with a length of 0.3 in each direction.
    explicit CmaEs(Eigen::VectorXd mean);

    /// In the cube: drawn up to 100 times, then cut.
    Eigen::VectorXd draw(PhiloxSequence& random) const;

    /// \param generation  best point first, lambda of them
    void tell(std::span<const Eigen::VectorXd> generation);

    const Eigen::VectorXd& mean() const { return mean_; }
    const Eigen::MatrixXd& covariance() const { return covariance_; }  ///< of steps of length 1
    double sigma() const { return sigma_; }

private:
    void decompose();

    CmaConstants constants_;
    Eigen::VectorXd mean_;
    double sigma_ = 0.3;
    Eigen::MatrixXd covariance_;
    Eigen::MatrixXd axes_;     ///< its eigenvectors
    Eigen::VectorXd lengths_;  ///< the square roots of its eigenvalues
    Eigen::VectorXd path_sigma_;
    Eigen::VectorXd path_c_;
    int generations_ = 0;
};

/// What the strategy proposes: it begins at the best of the given points, or in the middle.
/// \pre !waits_for_generation()
SearchSetting cmaes_setting(const SearchSection& search,
                            std::uint64_t seed,
                            std::span<const ToldTrial> told);

}  // namespace ratiofarm
