#include "task/resource_limits.hpp"

#include "task/interval_timers.hpp"
#include "task/process_tree.hpp"

namespace cv6 {

ResourceLimits ResourceLimits::initial() {
  constexpr std::uint64_t most_tasks = 1u << 20, pending = 32768;
  ResourceLimits limits;
  limits[Resource::stack].soft = 8_MiB;
  limits[Resource::core].soft = 0;
  limits[Resource::processes] = {most_tasks, most_tasks};
  limits[Resource::open_files] = {1024, open_files_ceiling};
  limits[Resource::locked_memory] = {8_MiB, 8_MiB};
  limits[Resource::pending_signals] = {pending, pending};
  limits[Resource::message_queues] = {819200, 819200};
  limits[Resource::nice] = {0, 0};
  limits[Resource::real_time_priority] = {0, 0};
  return limits;
}

AddressSpaceLimits address_space_limits(const ResourceLimits& limits) {
  return {.address_space = limits[Resource::address_space].soft,
          .data = limits[Resource::data].soft,
          .stack = limits[Resource::stack].soft};
}

namespace {

// prlimit(2): all ids of the target are the caller's real ones, or the caller is privileged.
bool may_change(Process& caller, Process& process) {
  if (&caller == &process || caller.credentials().privileged()) return true;
  const Identities& own = caller.credentials().ids();
  const Ref<const Credentials> held = process.hold_credentials();
  const Identities& other = held->ids();
  return own.user == other.user && own.user == other.effective_user && own.user == other.saved_user &&
         own.group == other.group && own.group == other.effective_group && own.group == other.saved_group;
}

}  // namespace

Result<ResourceLimit> change_limit(Process& caller, Process& process, Resource which, const ResourceLimit* fresh) {
  if (!may_change(caller, process)) return Error::perm;
  const ResourceLimit old = process.limits[which];
  if (!fresh) return old;
  if (fresh->soft > fresh->hard) return Error::inval;
  if (fresh->hard > old.hard && !caller.credentials().privileged()) return Error::perm;
  if (which == Resource::open_files && fresh->hard > open_files_ceiling) return Error::perm;
  process.limits[which] = *fresh;
  if (which == Resource::stack || which == Resource::data || which == Resource::address_space)
    if (const Ref<AddressSpace> space = process.hold_address_space()) space->set_limits(address_space_limits(process.limits));
  if (which == Resource::cpu) (void)watch_cpu_limit(process);
  return old;
}

void ResourceUsage::add(const ResourceUsage& other) {
  user_time += other.user_time;
  system_time += other.system_time;
  if (other.peak_resident_pages > peak_resident_pages) peak_resident_pages = other.peak_resident_pages;
  minor_faults += other.minor_faults;
  major_faults += other.major_faults;
  blocks_read += other.blocks_read;
  blocks_written += other.blocks_written;
  voluntary_switches += other.voluntary_switches;
  involuntary_switches += other.involuntary_switches;
}

namespace {

void add_thread(ResourceUsage& usage, const UserThread& thread) {
  const UserThread::Times times = thread.times();
  usage.user_time += times.user;
  usage.system_time += times.system;
  usage.voluntary_switches += thread.voluntary_switches();
  usage.involuntary_switches += thread.involuntary_switches();
}

}  // namespace

ResourceUsage usage_of_thread(const UserThread& thread) {
  ResourceUsage usage;
  add_thread(usage, thread);
  return usage;
}

ResourceUsage usage_of(Process& process) {
  ResourceUsage usage;
  usage.minor_faults = process.minor_faults.load(std::memory_order_relaxed);
  usage.major_faults = process.major_faults.load(std::memory_order_relaxed);
  SpinGuard guard(process.lock());
  if (AddressSpace* space = process.parts().address_space.get()) {
    const std::uint64_t resident = space->resident_pages();  // looked at from time to time, so the peak is approximate
    if (resident > process.peak_resident_pages) process.peak_resident_pages = resident;
  }
  usage.peak_resident_pages = process.peak_resident_pages;
  usage.user_time = process.ended_user_time;
  usage.system_time = process.ended_system_time;
  usage.voluntary_switches = process.ended_voluntary_switches;
  usage.involuntary_switches = process.ended_involuntary_switches;
  for (const UserThread& thread : process.threads) add_thread(usage, thread);
  return usage;
}

ResourceUsage usage_of_children(Process& process) {
  SpinGuard guard(process_tree_lock);
  return process.children_usage;
}

}  // namespace cv6
