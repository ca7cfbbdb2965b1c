#pragma once

#include <span>
#include <vector>

#include "ratiofarm/protocol/shape_significance.hpp"

#include "campaign.hpp"
#include "ensemble_choice.hpp"

/// Shapes that are only noise. A net that separates a varied sample from the nominal one learns
/// the fluctuations of both, too, and the likelihood takes what it learned for information: an
/// independent sample of the nominal would constrain its nuisance parameter.
///
/// The test. Each net is measured on events that it never saw (NetQuality::held_out_gain). The gain
/// of a side is the mean over the members of its ensemble, then over folds, and so is its error
/// (members see the same events, folds others: sqrt of the sum of squares / folds). A shape counts
/// as none unless
///
///     gain_up + gain_down > null_level (error_up + error_down).
///
/// The shapes of one parameter are left out together: it stays with all of its processes if one of
/// them shows it. The processes of a signed mixture (S, SBI, B) vary together; where some of their
/// shapes were left out and others not, the mixture would vary in a way that none of them does, and
/// the likelihood can then be less certain of the parameter than its constraint is.
///
/// Both sides are tested on the same nominal events, so their errors are added as if they were one:
/// the test is conservative. Where there is no shape the gain is zero on average, however noisy the
/// nets; the noise is a matter of its own:
///
/// The noise. The nets of a side learn in turn from one half of the training events each, and the
/// shape is their mean, d = (d_1 + d_2) / 2 with d_h = (ln g_up - ln g_down) / 2 of the nets of
/// half h, which is d ln g / d alpha at alpha = 0. The halves are independent, so that d has the
/// variance of (d_1 - d_2) / 2, whatever makes it, the events or the descent:
///
///     noise_variance = Var(d_1 - d_2) / 4
///
/// over the nominal validation events that all of them were measured on; folds averaged. Variation
/// in common, of the nominal sample, drops out of up - down here as it does in the fit. Where the
/// process is all there is, noise by itself adds expected events * noise_variance to the
/// information about alpha; other processes dilute it.
namespace ratiofarm {

/// One per trained_shapes(campaign), in their order. For ensembles that are not complete the
/// numbers are NaN, and `significant` is true.
std::vector<ShapeSignificance> test_shapes(const Campaign& campaign,
                                           std::span<const EnsembleChoice> choices);

}  // namespace ratiofarm
