// epoll(7): epoll_create(2), epoll_ctl(2), epoll_wait(2).
//
// Interrupted, a wait fails with EINTR whatever the handler's flags say (signal(7)).
#include "abi/linux/handlers.hpp"
#include "abi/linux/open_flags.hpp"
#include "abi/linux/waits.hpp"
#include "abi/support.hpp"
#include "fs/events/epoll.hpp"

namespace cv6::linux_abi {
namespace {

Result<long> open_epoll(Context& context, CloseOnExec close_on_exec) {
  return TRY(context.process.files().add(TRY(Epoll::open(context.process.credentials())), close_on_exec,
                                         context.process.open_files_limit()));
}

// Error::badf, also for what names a place only.
Result<DescriptorTable::Use> use_open(Context& context, Descriptor descriptor) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  return file;
}

// Into the program's array.
class UserEvents final : public EpollSink {
 public:
  explicit UserEvents(UserPtr<EpollEvent> to) : to_(to) {}
  bool put(std::uint32_t events, std::uint64_t data) override {
    if (!to_.write({events, data})) return false;
    to_ = to_ + 1;
    return true;
  }

 private:
  UserPtr<EpollEvent> to_;
};

Result<long> wait_for_events(Context& context, Descriptor descriptor, UserPtr<EpollEvent> to, int most, Nanoseconds deadline) {
  constexpr int most_possible = INT32_MAX / static_cast<int>(sizeof(EpollEvent));
  if (most <= 0 || most > most_possible) return Error::inval;
  const auto count = static_cast<unsigned>(most);
  if (!arch::is_user_range(to.address(), count * sizeof(EpollEvent))) return Error::fault;
  const auto file = TRY(context.process.files().use(descriptor.number));
  Epoll* const epoll = Epoll::of(*file);
  if (!epoll) return file->path_only() ? Error::badf : Error::inval;
  UserEvents events(to);
  const unsigned found = TRY(epoll->collect(events, count));
  if (found != 0 || deadline == 0) return found;
  return TRY(epoll->wait(events, count, deadline));
}

// What is right for any operation; those for which it matters look at `wanted`.
Result<void> check_exclusive(int operation, const File& file, std::uint32_t wanted) {
  constexpr std::uint32_t with_exclusive = poll_event::in | poll_event::out | poll_event::error | poll_event::hang_up |
                                           epoll_flag::wake_up | epoll_flag::edge_triggered | epoll_flag::exclusive;
  if (!(wanted & epoll_flag::exclusive)) return {};
  if (operation == epoll_ctl_mod) return Error::inval;
  if (operation == epoll_ctl_add && (Epoll::of(file) || (wanted & ~with_exclusive))) return Error::inval;
  return {};
}

}  // namespace

Result<long> sys_epoll_create(Context& context, int size) {
  if (size <= 0) return Error::inval;
  return open_epoll(context, CloseOnExec::no);
}

Result<long> sys_epoll_create1(Context& context, Flags flags) {
  if (!flags.only(o_cloexec)) return Error::inval;
  return open_epoll(context, close_on_exec_of(flags.bits));
}

Result<long> sys_epoll_ctl(Context& context, Descriptor epoll_descriptor, int operation, Descriptor descriptor,
                           UserPtr<EpollEvent> pointer) {
  EpollEvent event{};
  if (operation != epoll_ctl_del) event = TRY(pointer.read());
  event.events &= ~epoll_flag::wake_up;  // nothing here goes to sleep with the machine
  const auto watching = TRY(use_open(context, epoll_descriptor));
  const auto file = TRY(use_open(context, descriptor));
  if (file->never_blocks()) return Error::perm;
  Epoll* const epoll = Epoll::of(*watching);
  if (!epoll || watching.get() == file.get()) return Error::inval;
  TRY(check_exclusive(operation, *file, event.events));
  const EpollInterest interest{event.events, event.data};
  switch (operation) {
    case epoll_ctl_add: TRY(epoll->add(*file, descriptor.number, interest)); return 0;
    case epoll_ctl_del: TRY(epoll->remove(*file, descriptor.number)); return 0;
    case epoll_ctl_mod: TRY(epoll->modify(*file, descriptor.number, interest)); return 0;
    default: return Error::inval;
  }
}

Result<long> sys_epoll_wait(Context& context, Descriptor epoll, UserPtr<EpollEvent> events, int most, int milliseconds) {
  return wait_for_events(context, epoll, events, most, deadline_from_milliseconds(milliseconds));
}

Result<long> sys_epoll_pwait(Context& context, Descriptor epoll, UserPtr<EpollEvent> events, int most, int milliseconds,
                             UserPtr<std::uint64_t> mask, std::size_t mask_size) {
  return with_mask(context, mask, mask_size, [&] {
    return wait_for_events(context, epoll, events, most, deadline_from_milliseconds(milliseconds));
  });
}

Result<long> sys_epoll_pwait2(Context& context, Descriptor epoll, UserPtr<EpollEvent> events, int most,
                              UserPtr<Timespec> timeout, UserPtr<std::uint64_t> mask, std::size_t mask_size) {
  const Nanoseconds deadline = TRY(deadline_from(timeout));
  return with_mask(context, mask, mask_size,
                   [&] { return wait_for_events(context, epoll, events, most, deadline); });
}

}  // namespace cv6::linux_abi
