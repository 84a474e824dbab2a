#include "abi/linux/signal_types.hpp"

namespace cv6::linux_abi {

Siginfo siginfo_of(const SignalInfo& info) {
  Siginfo result{};
  result.si_signo = info.number;
  result.si_errno = info.error;
  result.si_code = info.code;
  switch (info.kind) {
    case SignalInfo::Kind::sent:
    case SignalInfo::Kind::queued:
      result.sent.pid = info.process;
      result.sent.uid = info.user;
      result.sent.value = info.value;
      break;
    case SignalInfo::Kind::timer:
      result.timer.timerid = info.timer;
      result.timer.overrun = info.overrun;
      result.timer.value = info.value;
      break;
    case SignalInfo::Kind::child:
      result.child.pid = info.process;
      result.child.uid = info.user;
      result.child.status = info.status;
      result.child.utime = info.user_time;
      result.child.stime = info.system_time;
      break;
    case SignalInfo::Kind::fault: result.fault.address = info.address; break;
    case SignalInfo::Kind::io:
      result.poll.band = info.band;
      result.poll.fd = info.descriptor;
      break;
  }
  return result;
}

SignalInfo queued_info_from(int number, const Siginfo& info) {
  SignalInfo result;
  result.number = number;
  result.code = info.si_code;
  result.kind = SignalInfo::Kind::queued;
  result.error = info.si_errno;
  result.process = info.sent.pid;
  result.user = info.sent.uid;
  result.value = info.sent.value;
  return result;
}

}  // namespace cv6::linux_abi
