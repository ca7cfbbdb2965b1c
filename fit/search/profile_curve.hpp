#pragma once

#include <optional>
#include <vector>

#include "profile.hpp"
#include "quintic.hpp"

namespace ratiofarm {

/// t of a point of a profile in one parameter, with gradient and curvature.
Knot knot_of(const Profile& profile, const ProfilePoint& point);

/// A profile as a sequence of points between which quintics are good enough. Steps outwards from
/// the best point; how well the quintic through the last two points foretold the next one gives
/// the length of the steps, as in the integration of differential equations.
class ProfileCurve {
public:
    /// \param first_step in u, > 0  \param tolerance of t, times t where t > 1
    ProfileCurve(Profile& profile, double first_step, double tolerance)
        : profile_(profile), first_step_(first_step), tolerance_(tolerance) {}

    /// Collective over the likelihood's communicator. Points in ascending order of u; their ends
    /// hold low and high, in u, low < high.
    /// \return empty if some point did not converge
    std::vector<ProfilePoint> between(double low, double high);

private:
    using Points = std::vector<ProfilePoint>;
    bool walk(Points& points, double end);
    std::optional<double> add(Points& points, ProfilePoint next, int depth = 0);
    int parts_for(double error) const;
    double error_between(const ProfilePoint& before,
                         const ProfilePoint& from,
                         const ProfilePoint& to) const;

    Profile& profile_;
    double first_step_;
    double tolerance_;
};

}  // namespace ratiofarm
