// The machine, its names and limits: uname(2), sysinfo(2), getrusage(2), prlimit(2), getrandom(2), syslog(2), reboot(2).
#include <algorithm>

#include "abi/container_access.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/linux/usage.hpp"
#include "abi/support.hpp"
#include "lib/version.hpp"
#include "dev/port.hpp"
#include "fs/device.hpp"
#include "mm/frame.hpp"
#include "sched/scheduler.hpp"
#include "sync/log.hpp"
#include "task/exit.hpp"
#include "task/process_tree.hpp"
#include "task/send_signal.hpp"

namespace cv6::linux_abi {
namespace {

template <std::size_t size>
void assign(char (&to)[size], std::string_view text) {
  std::memcpy(to, text.data(), std::min(text.size(), size - 1));
}

struct NameBuffer {
  char text[Container::hostname_size];
  std::string_view name;
};
Result<void> read_name(Context& context, UserBytes from, int length, NameBuffer& buffer) {
  if (!context.process.credentials().privileged()) return Error::perm;
  if (length < 0 || static_cast<std::size_t>(length) > sizeof buffer.text) return Error::inval;
  if (arch::copy_from_user(buffer.text, from.address(), static_cast<std::size_t>(length)) != 0) return Error::fault;
  buffer.name = {buffer.text, static_cast<std::size_t>(length)};
  return {};
}

Result<Resource> resource_of(unsigned number) {
  if (number >= resource_count) return Error::inval;
  return static_cast<Resource>(number);
}

Result<long> change_resource_limit(Context& context, Process& process, unsigned resource, UserPtr<Rlimit> limit,
                                   UserPtr<Rlimit> before) {
  const Resource which = TRY(resource_of(resource));
  ResourceLimit fresh;
  if (limit) {
    const Rlimit given = TRY(limit.read());
    fresh = {.soft = given.rlim_cur, .hard = given.rlim_max};
  }
  const ResourceLimit old = TRY(change_limit(context.process, process, which, limit ? &fresh : nullptr));
  TRY(before.write_if_wanted({old.soft, old.hard}));
  return 0;
}

// --- syslog(2) ----------------------------------------------------------------------------------------------------------
std::atomic<std::uint64_t> log_cleared{0};  // the position in the log up to which SYSLOG_ACTION_CLEAR has hidden it
std::atomic<std::uint64_t> log_taken{0};    // up to which SYSLOG_ACTION_READ has been given out
// The log is written where nobody may be woken, so a reader looks again from time to time.
constexpr Nanoseconds look_again_after = 100 * nanoseconds_per_millisecond;

// Copies the log from `position` on, and moves that on.
Result<long> copy_log(std::uint64_t& position, std::uint64_t end, UserBytes to, std::size_t size) {
  char chunk[256];
  std::size_t copied = 0;
  while (position < end && copied < size) {
    const std::size_t got = read_log(position, std::span(chunk).first(std::min(sizeof chunk, size - copied)));
    if (got == 0) break;
    if (arch::copy_to_user(to.address() + copied, chunk, got) != 0) return Error::fault;
    copied += got;
  }
  return static_cast<long>(copied);
}

Result<long> read_log_tail(UserBytes to, std::size_t size) {
  const std::uint64_t end = log_end();
  std::uint64_t position = std::max(log_cleared.load(std::memory_order_relaxed), end > size ? end - size : 0);
  return copy_log(position, end, to, size);
}

// What nobody has been given yet; waits for it.
Result<long> take_log(UserBytes to, std::size_t size) {
  if (size == 0) return 0;
  Event event;
  std::uint64_t position;
  while ((position = log_taken.load(std::memory_order_relaxed)) >= log_end()) {
    const auto slept = sleep_until_raised(event, Wait::interruptible, arch::monotonic_now() + look_again_after);
    if (!slept && slept.error() == Error::intr) return Error::restart_if_asked;
  }
  const long copied = TRY(copy_log(position, log_end(), to, size));
  log_taken.store(position, std::memory_order_relaxed);
  return copied;
}

std::uint64_t unread_log() {
  const std::uint64_t unread = log_end() - log_taken.load(std::memory_order_relaxed);
  return std::min<std::uint64_t>(unread, log_ring_size);
}

}  // namespace

Result<long> sys_uname(Context& context, UserPtr<Utsname> result) {
  Utsname names{};
  assign(names.sysname, version::system);
  assign(names.nodename, context.container.hostname());
  assign(names.release, version::release);
  assign(names.version, version::text);
  assign(names.machine, version::machine);
  assign(names.domainname, context.container.domainname());
  TRY(result.write(names));
  return 0;
}

Result<long> sys_sethostname(Context& context, UserBytes name, int length) {
  NameBuffer buffer;
  TRY(read_name(context, name, length, buffer));
  context.container.set_hostname(buffer.name);
  return 0;
}

Result<long> sys_setdomainname(Context& context, UserBytes name, int length) {
  NameBuffer buffer;
  TRY(read_name(context, name, length, buffer));
  context.container.set_domainname(buffer.name);
  return 0;
}

// A container that has a memory limit is told of that much memory.
Result<long> sys_sysinfo(Context& context, UserPtr<Sysinfo> result) {
  const frames::Counts machine = frames::counts();
  const MemoryCounters own = context.container.memory().counters();
  const sched::LoadAverage load = sched::load_average();
  constexpr unsigned load_shift = 16 - 11;  // of fractional bits: SI_LOAD_SHIFT
  Sysinfo info{};
  info.uptime = (arch::monotonic_now() + nanoseconds_per_second - 1) / nanoseconds_per_second;
  info.loads[0] = std::uint64_t{load.one} << load_shift;
  info.loads[1] = std::uint64_t{load.five} << load_shift;
  info.loads[2] = std::uint64_t{load.fifteen} << load_shift;
  info.totalram = std::min(machine.total, own.limit_pages) << page_shift;
  const std::uint64_t left = own.limit_pages > own.pages ? own.limit_pages - own.pages : 0;
  info.freeram = std::min(machine.free, left) << page_shift;
  info.procs = static_cast<std::uint16_t>(std::min(context.container.process_count(), 65535u));
  info.mem_unit = 1;
  TRY(result.write(info));
  return 0;
}

Result<long> sys_getrusage(Context& context, int who, UserPtr<Rusage> result) {
  constexpr int of_self = 0, of_children = -1, of_thread = 1;
  switch (who) {
    case of_self: TRY(result.write(rusage_of(usage_of(context.process)))); return 0;
    case of_children: TRY(result.write(rusage_of(usage_of_children(context.process)))); return 0;
    case of_thread: TRY(result.write(rusage_of(usage_of_thread(context.thread)))); return 0;
    default: return Error::inval;
  }
}

Result<long> sys_getrlimit(Context& context, unsigned resource, UserPtr<Rlimit> result) {
  const ResourceLimit limit = context.process.limits[TRY(resource_of(resource))];
  TRY(result.write({limit.soft, limit.hard}));
  return 0;
}

Result<long> sys_setrlimit(Context& context, unsigned resource, UserPtr<Rlimit> limit) {
  if (!limit) return Error::fault;
  return change_resource_limit(context, context.process, resource, limit, {});
}

Result<long> sys_prlimit64(Context& context, int pid, unsigned resource, UserPtr<Rlimit> limit, UserPtr<Rlimit> before) {
  if (pid == 0) return change_resource_limit(context, context.process, resource, limit, before);
  const Ref<Process> process = TRY(find_process(context.container, pid));
  return change_resource_limit(context, *process, resource, limit, before);
}

Result<long> sys_getrandom(Context&, UserBytes to, std::size_t count, Flags flags) {
  constexpr unsigned non_blocking = 1, random = 2, insecure = 4;
  if (!flags.only(non_blocking | random | insecure) || (flags.has(random) && flags.has(insecure))) return Error::inval;
  count = std::min(count, max_transfer);
  std::byte chunk[256];
  for (std::size_t done = 0; done < count;) {
    const std::size_t size = std::min(count - done, sizeof chunk);
    random_bytes({chunk, size});
    if (arch::copy_to_user(to.address() + done, chunk, size) != 0) return done ? Result<long>(static_cast<long>(done)) : Error::fault;
    done += size;
    sched::maybe_yield();
    if (done < count && UserThread::current().interrupted()) return static_cast<long>(done);
  }
  return static_cast<long>(count);
}

// The kernel's log is the host's business.
Result<long> sys_syslog(Context& context, int action, UserBytes buffer, int size) {
  enum { close = 0, open = 1, read = 2, read_all = 3, read_clear = 4, clear = 5, size_unread = 9, size_buffer = 10 };
  const bool anybody_may = action == read_all || action == size_buffer;
  if (!context.container.is_host() || !(anybody_may || context.process.credentials().privileged())) return Error::perm;
  const bool reads = action == read || action == read_all || action == read_clear;
  if (reads && (!buffer || size < 0)) return Error::inval;
  const auto room = static_cast<std::size_t>(size);
  switch (action) {
    case close:
    case open: return 0;
    case read: return take_log(buffer, room);
    case read_all: return read_log_tail(buffer, room);
    case read_clear: {
      const std::uint64_t end = log_end();
      const long copied = TRY(read_log_tail(buffer, room));
      log_cleared.store(end, std::memory_order_relaxed);
      return copied;
    }
    case clear: log_cleared.store(log_end(), std::memory_order_relaxed); return 0;
    case size_unread: return static_cast<long>(unread_log());
    case size_buffer: return log_ring_size;
    default: return Error::inval;
  }
}

Result<long> sys_reboot(Context& context, unsigned first_magic, unsigned second_magic, unsigned command, unsigned long) {
  constexpr unsigned first_wanted = 0xfee1dead, second_wanted[] = {672274793, 85072278, 369367448, 537993216};
  constexpr unsigned restart = 0x01234567, halt = 0xcdef0123, power_off = 0x4321fedc, restart_with_command = 0xa1b2c3d4;
  if (!context.process.credentials().privileged()) return Error::perm;
  if (first_magic != first_wanted || std::ranges::find(second_wanted, second_magic) == std::end(second_wanted)) return Error::inval;
  const bool known = command == restart || command == halt || command == power_off || command == restart_with_command;
  if (!known) return Error::inval;
  if (!context.container.is_host()) TRY(find_process(context.container, 1));  // else it ends with that one
  const bool again = command == restart || command == restart_with_command;
  TRY(shut_down(context, again ? arch::PowerOff::restart : arch::PowerOff::normal));
  return 0;
}

}  // namespace cv6::linux_abi
