#pragma once

namespace ratiofarm {

/// Requests of the user or the batch system, made by a signal. Handlers only set flags; the loops
/// look at them.
enum class SignalRequest { none, checkpoint, stop };

/// USR1: checkpoint everything and go on. USR2, TERM, INT, HUP: checkpoint and stop, exit 75; those
/// that are ignored, as nohup does, stay so.
void install_signal_flags();

/// The strongest request since the last call of `clear_checkpoint_request`; stop stays.
SignalRequest signal_request();
void clear_checkpoint_request();

}  // namespace ratiofarm
