// The frame of a signal handler, written at delivery and taken back by rt_sigreturn(2).
//
// The extended state in the frame is the processor's own image; bytes 464.. of its first part say, with magic words,
// how much more of it there is, and a second magic word follows its end, so that a frame which a program has cut or
// built itself is recognised (FP_XSTATE_MAGIC1 and 2).
#include "abi/linux/signal_frame.hpp"

#include "abi/linux/handlers.hpp"
#include "abi/linux/operations.hpp"
#include "abi/linux/signal_types.hpp"
#include "abi/support.hpp"
#include "task/send_signal.hpp"
#include "task/signal_calls.hpp"

namespace cv6::linux_abi {
namespace {

// What every frame says about its extended state; the same on all processors.
struct StateFormat {
  std::size_t image_size = fxsave_size;
  std::size_t size = fxsave_size;  // with the second magic word
  MarkedHeader marked{};
  bool extended() const { return image_size > fxsave_size; }
};
constinit StateFormat format;

// Copies the floating-point registers to user memory, marked as what they are.
Result<void> write_state(UserThread& thread, std::uintptr_t to) {
  const std::size_t size = format.image_size;
  if (format.extended()) {
    TRY(UserPtr<MarkedHeader>(to + fpx_software_offset).write(format.marked));
    TRY(UserPtr<std::uint32_t>(to + size).write(fp_xstate_magic2));
  }
  if (thread.save_fpu_to_user(to)) return {};
  // A page of it is missing. The image in the kernel has no marks.
  const auto* image = static_cast<const std::byte*>(thread.save_fpu());
  const std::size_t first = format.extended() ? fpx_software_offset : size;
  if (arch::copy_to_user(to, image, first) != 0) return Error::fault;
  if (arch::copy_to_user(to + fxsave_size, image + fxsave_size, size - fxsave_size) != 0) return Error::fault;
  return {};
}

// How many bytes of the state at `from` are an image: all, or the legacy part if the marks are not right.
Result<std::size_t> readable_state(std::uintptr_t from) {
  if (!format.extended()) return fxsave_size;
  const std::size_t size = format.image_size;
  if (TRY(UserPtr<FpxMark>(from + fpx_software_offset).read()) != format.marked.mark) return fxsave_size;
  if (TRY(UserPtr<std::uint32_t>(from + size).read()) != fp_xstate_magic2) return fxsave_size;
  return size;
}

Result<void> read_state(UserThread& thread, std::uintptr_t from) {
  if (from == 0) {
    thread.reset_fpu();
    return {};
  }
  const std::size_t size = TRY(readable_state(from));
  if (size == format.image_size && thread.load_fpu_from_user(from)) return {};
  void* image = thread.change_fpu();
  if (arch::copy_from_user(image, from, size) != 0 || !arch::fpu_sanitize(image, size)) {
    thread.reset_fpu();
    return Error::fault;
  }
  return {};
}

// A stack that the handler has changed comes back; what cannot come back is left (as on Linux, without an error).
void restore_alternate_stack(UserThread& thread, const StackT& saved, std::uintptr_t stack_pointer) {
  const AlternateStack& now = thread.alternate_stack;
  if (saved.ss_sp == now.base && saved.ss_size == now.size && saved.ss_flags == now.flags) return;
  const AlternateStack before = stack_from(saved);
  (void)change_alternate_stack(thread, &before, stack_pointer);
}

Result<void> take_frame_back(UserThread& thread, arch::UserRegisters& registers) {
  // The handler's return has taken the return address off the stack.
  const std::uintptr_t frame = registers.stack_pointer() - sizeof(RtSigframe::return_address);
  Ucontext context;
  TRY(UserPtr<Ucontext>(frame + offsetof(RtSigframe, uc)).read_into(context));
  TRY(read_state(thread, context.uc_mcontext.fpu_image));
  context.uc_mcontext.restore(registers);
  thread.set_mask(SignalSet(context.uc_sigmask));
  restore_alternate_stack(thread, context.uc_stack, registers.stack_pointer());
  return {};
}

}  // namespace

void initialise_signal_frames() {
  format.image_size = format.size = arch::fpu_image_size();
  if (!format.extended()) return;
  format.size += sizeof fp_xstate_magic2;
  // The processor leaves the marks to software, and wants the image's header, which follows them, to be zero.
  format.marked.mark = {fp_xstate_magic1, static_cast<std::uint32_t>(format.size)};
  format.marked.xfeatures = arch::fpu_components();
  format.marked.xstate_size = format.image_size;
}

Result<void> LinuxOperations::push_signal_frame(UserThread& thread, arch::UserRegisters& registers,
                                                const SignalInfo& info, const SignalAction& action,
                                                std::uintptr_t stack_limit, SignalSet saved_mask) const {
  // There is no other way back: the C library always gives one (sigreturn(2)).
  if (!(action.flags & SignalAction::restorer_given)) return Error::fault;
  const FramePlace place = place_frame(stack_limit, registers.stack_pointer(), thread.alternate_stack, format.size);
  if (!place.fits) return Error::fault;
  TRY(write_state(thread, place.state));
  const RtSigframe frame{
      .return_address = action.restorer,
      .uc = {.uc_flags = (format.extended() ? uc_fp_xstate : 0) | uc_sigcontext_ss | uc_strict_restore_ss,
             .uc_link = 0,
             .uc_stack = stack_of(thread.alternate_stack),
             .uc_mcontext = arch::SignalContext::of(registers, thread.last_fault, saved_mask.bits(), place.state),
             .uc_sigmask = saved_mask.bits()},
  };
  TRY(UserPtr<RtSigframe>(place.frame).write(frame));
  if (action.flags & SignalAction::with_info)
    TRY(UserPtr<Siginfo>(place.frame + siginfo_offset).write(siginfo_of(info)));
  registers.leave_system_call();
  registers.call_function(action.handler, place.frame, static_cast<std::uint64_t>(info.number),
                          place.frame + siginfo_offset, place.frame + offsetof(RtSigframe, uc));
  return {};
}

// Whatever is in the frame, what comes out of it is a state that the program could have brought about itself.
Result<long> sys_rt_sigreturn(Context& context) {
  if (!take_frame_back(context.thread, context.registers)) {
    force_signal(context.thread, kernel_signal(signal::segmentation));
    return 0;
  }
  return context.registers.result();
}

}  // namespace cv6::linux_abi
