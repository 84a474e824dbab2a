// Job control as a terminal needs it: which session it controls, which process group is in the foreground, who may read
// and write now, and signals. A terminal (tty, pty) owns one JobControl; task/ implements it, because sessions and groups
// are known there only (termios(3), tty_ioctl(4), credentials(7)).
//
// Every function may be called without locks or with the terminal's own (Rank::tty is greater than all that these take,
// so not while holding it). "The caller" is the calling thread's process. Numbers are as the caller sees them.
#pragma once

#include <memory>

#include "fs/file.hpp"
#include "lib/ref.hpp"
#include "lib/result.hpp"

namespace cv6 {

class JobControl {
 public:
  virtual ~JobControl() = default;  // the terminal is gone: no session has it any more

  // --- for the terminal's data path -----------------------------------------------------------------------------------
  // May the caller read, write (TOSTOP is set) or change settings now? Background processes are sent SIGTTIN or SIGTTOU
  // and get Error::restart_if_asked, or Error::io where stopping would be for good. For write and settings, blocked or
  // ignored SIGTTOU means yes.
  enum class Access : std::uint8_t { read, write, settings };
  virtual Result<void> check_access(Access access) = 0;
  // To the foreground group (^C, ^\, ^Z, SIGWINCH); nothing if there is none. From interrupts, too.
  virtual void signal_foreground(int signal) = 0;
  // The other end is gone: SIGHUP and SIGCONT to the session's leader; the session has no terminal any more.
  virtual void hang_up() = 0;

  // --- calls ----------------------------------------------------------------------------------------------------------
  // open(2) without O_NOCTTY: the caller's if it leads a session that has none, and nobody has this one.
  virtual void opened() = 0;
  // TIOCSCTTY. Error::perm. Steal::yes: from another session (argument 1, root only).
  enum class Steal : std::uint8_t { no, yes };
  virtual Result<void> acquire(Steal steal) = 0;
  virtual Result<void> give_up() = 0;                          // TIOCNOTTY. Error::notty: not the caller's
  virtual Result<int> foreground_group() = 0;                  // TIOCGPGRP. Error::notty: not the caller's terminal
  virtual Result<void> set_foreground_group(int group) = 0;    // TIOCSPGRP. Error::notty, perm, srch, inval
  virtual Result<int> session() = 0;                           // TIOCGSID. Error::notty
  // For whoever is at the other end of a pty; 0: none. Whose terminal it is does not matter.
  virtual int foreground_group_for_master() = 0;
  virtual int session_for_master() = 0;
};

// `terminal` is what open("/dev/tty") by a process of the session leads to; it owns the JobControl. `device`: tty_nr of
// /proc/PID/stat. Error::nomem. Implemented by task/.
class TerminalDevice : public Counted<TerminalDevice> {
 public:
  virtual ~TerminalDevice() = default;
  // A file of it, opened by `node`.
  virtual Result<Ref<File>> open_terminal(Ref<Inode> node) = 0;
  virtual DeviceNumber device() const = 0;
};
Result<Own<JobControl>> make_job_control(TerminalDevice& terminal);
// The controlling terminal of the caller, opened by `node` (that of /dev/tty); null: by one that has no name. Error::nxio:
// there is none; nomem.
Result<Ref<File>> open_controlling_terminal(Inode* node = nullptr);

}  // namespace cv6
