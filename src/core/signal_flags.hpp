#pragma once

namespace ratiofarm {

/// Requests of the user or the batch system, made by a signal. Handlers only set flags; the loops
/// look at them.
enum class SignalRequest { none, checkpoint, stop };

/// USR1: checkpoint everything and go on. USR2, TERM, INT, HUP: checkpoint and stop, exit 75; those
/// that are ignored, as nohup does, stay so. A second INT, half a second later or more, ends the
/// process at once with 75: what is published stays whole, locks are known to be of nobody.
/// \param words  written to stderr at once when a stop is asked for, or null; not copied: a
///               launcher may leave too little time for more
void install_signal_flags(const char* words = nullptr);

/// The strongest request since the last call of `clear_checkpoint_request`; stop stays.
SignalRequest signal_request();
void clear_checkpoint_request();

/// For long work on one rank, between its parts.
/// \throws SystemError, resumable, once a stop was asked for
void expect_no_stop();

}  // namespace ratiofarm
