#include "task/identity.hpp"

#include <algorithm>

#include "task/process_tree.hpp"

namespace cv6 {

namespace {

// Other ids or groups than `seen` has, unless another thread has just changed them: false, so look again. A new real user brings
// the account of that user.
Result<bool> install(Process& process, const Credentials& seen, const Identities& ids, Ref<const GroupSet> groups) {
  const auto group_list = groups ? groups->groups() : std::span<const std::uint32_t>();
  Ref<const Credentials> fresh = process.former_credentials(ids, group_list);
  if (!fresh) fresh = TRY(Credentials::create(ids, std::move(groups)));
  Ref<UserAccount> account;
  if (ids.user != seen.ids().user) account = TRY(UserAccount::find_or_create(process.container(), ids.user));
  Own<Process::FormerIdentity> former;
  if (!process.single_threaded()) {
    former.reset(new (std::nothrow) Process::FormerIdentity);
    if (!former) return Error::nomem;
  }
  return process.set_identity(seen, std::move(fresh), std::move(account), std::move(former));
}

// What rule(ids, privileged) allows and does. The C library has each thread of a process change the ids, which are the process's
// here: the others change nothing.
template <class Rule>
Result<void> change(Process& process, Rule rule) {
  for (;;) {
    const Credentials& seen = process.credentials();
    Identities ids = seen.ids();
    TRY(rule(ids, seen.privileged()));
    if (ids == seen.ids() || TRY(install(process, seen, ids, seen.group_set()))) return {};
  }
}

// The three ids of one kind, user or group.
struct Triple {
  std::uint32_t &real, &effective, &saved, &file;
  bool is_one_of(std::uint32_t id) const { return id == real || id == effective || id == saved; }
};

// setuid(2).
Result<void> change_one(Triple ids, std::uint32_t id, bool privileged) {
  if (privileged)
    ids.real = ids.saved = id;
  else if (id != ids.real && id != ids.saved)
    return Error::perm;
  ids.effective = ids.file = id;
  return {};
}

// setreuid(2): the saved id becomes the new effective one if the real one is set, or the effective one to another value
// than the real one was.
Result<void> change_two(Triple ids, NewId real, NewId effective, bool privileged) {
  const std::uint32_t old_real = ids.real;
  if (!privileged) {
    if (real && *real != ids.real && *real != ids.effective) return Error::perm;
    if (effective && !ids.is_one_of(*effective)) return Error::perm;
  }
  if (real) ids.real = *real;
  if (effective) ids.effective = *effective;
  if (real || (effective && *effective != old_real)) ids.saved = ids.effective;
  ids.file = ids.effective;
  return {};
}

Result<void> change_three(Triple ids, NewId real, NewId effective, NewId saved, bool privileged) {
  if (!privileged)
    for (const NewId& id : {real, effective, saved})
      if (id && !ids.is_one_of(*id)) return Error::perm;
  if (real) ids.real = *real;
  if (effective) ids.effective = *effective;
  if (saved) ids.saved = *saved;
  ids.file = ids.effective;
  return {};
}

// setfsuid(2): -1 asks what it is.
Result<void> change_file(Triple ids, std::uint32_t id, bool privileged) {
  if (id == ~std::uint32_t{0}) return Error::inval;
  if (!privileged && id != ids.file && !ids.is_one_of(id)) return Error::perm;
  ids.file = id;
  return {};
}

Triple users(Identities& ids) { return {ids.user, ids.effective_user, ids.saved_user, ids.file_user}; }
Triple groups(Identities& ids) { return {ids.group, ids.effective_group, ids.saved_group, ids.file_group}; }

}  // namespace

Result<void> set_user(Process& process, std::uint32_t user) {
  return change(process, [&](Identities& ids, bool privileged) { return change_one(users(ids), user, privileged); });
}

Result<void> set_group(Process& process, std::uint32_t group) {
  return change(process, [&](Identities& ids, bool privileged) { return change_one(groups(ids), group, privileged); });
}

Result<void> set_real_and_effective_user(Process& process, NewId real, NewId effective) {
  return change(process, [&](Identities& ids, bool privileged) { return change_two(users(ids), real, effective, privileged); });
}

Result<void> set_real_and_effective_group(Process& process, NewId real, NewId effective) {
  return change(process, [&](Identities& ids, bool privileged) { return change_two(groups(ids), real, effective, privileged); });
}

Result<void> set_all_users(Process& process, NewId real, NewId effective, NewId saved) {
  return change(process, [&](Identities& ids, bool privileged) {
    return change_three(users(ids), real, effective, saved, privileged);
  });
}

Result<void> set_all_groups(Process& process, NewId real, NewId effective, NewId saved) {
  return change(process, [&](Identities& ids, bool privileged) {
    return change_three(groups(ids), real, effective, saved, privileged);
  });
}

// These two have no way to report a failure.
std::uint32_t set_file_user(Process& process, std::uint32_t user) {
  std::uint32_t old = 0;
  (void)change(process, [&](Identities& ids, bool privileged) {
    old = ids.file_user;
    return change_file(users(ids), user, privileged);
  });
  return old;
}

std::uint32_t set_file_group(Process& process, std::uint32_t group) {
  std::uint32_t old = 0;
  (void)change(process, [&](Identities& ids, bool privileged) {
    old = ids.file_group;
    return change_file(groups(ids), group, privileged);
  });
  return old;
}

Result<void> set_supplementary_groups(Process& process, std::span<const std::uint32_t> wanted) {
  for (;;) {
    const Credentials& seen = process.credentials();
    if (!seen.privileged()) return Error::perm;
    Ref<const GroupSet> groups = TRY(GroupSet::create(wanted));
    if (std::ranges::equal(groups->groups(), seen.supplementary_groups())) return {};
    if (TRY(install(process, seen, seen.ids(), std::move(groups)))) return {};
  }
}

// --- nice values ------------------------------------------------------------------------------------------------------

namespace {

bool is_meant(Process& caller, Process& process, PriorityOf which, int number) {
  if (which == PriorityOf::user) {
    const auto wanted = number ? static_cast<std::uint32_t>(number) : caller.credentials().ids().user;
    return process.hold_credentials()->ids().user == wanted;
  }
  SpinGuard guard(process_tree_lock);
  if (!process.group) return false;
  return number ? process.group->pid()->number_in(caller.container()) == number : process.group == caller.group;
}

// `thread` null: a process's first thread, which has ended before the others, or before the process was reaped.
struct Named {
  Ref<Process> process;
  Ref<UserThread> thread;
};

// The next one with a number greater than `after`, which moves on to it; no process: no more. As next_process, it gives way.
Named next_named(Container& viewer, int& after) {
  Named found;
  viewer.pids().for_each(after, [&](Pid& pid, int number) {
    sched::maybe_yield();
    SpinGuard guard(process_tree_lock);
    after = number;
    Process* process = pid.thread ? &pid.thread->process() : pid.process;
    if (process && is_visible(*process, viewer)) found = {Ref<Process>(process), Ref<UserThread>(pid.thread)};
    return !found.process;
  });
  return found;
}

// Calls visit(named) for each thread of the group or user: by their numbers, since a process may have too many to be gone
// through under its lock. Error::srch: none.
template <class Visit>
Result<void> for_each_meant(Process& caller, PriorityOf which, int number, Visit visit) {
  Result<void> outcome = Error::srch;
  int at = 0;
  for (Named named = next_named(caller.container(), at); named.process; named = next_named(caller.container(), at)) {
    if (!is_meant(caller, *named.process, which, number)) continue;
    const Result<void> one = visit(named);
    if (one || !outcome) outcome = one;
  }
  return outcome;
}

Result<Named> find_named(Process& caller, int number) {
  if (number == 0) return Named{Ref<Process>(&caller), Ref<UserThread>(&UserThread::current())};
  if (auto thread = find_thread(caller.container(), number)) return Named{Ref<Process>(&(*thread)->process()), *thread};
  return Named{TRY(find_process(caller.container(), number)), nullptr};
}

int nice_of(const Named& named) { return named.thread ? named.thread->nice() : named.process->shown_nice(); }

Result<void> check_may_renice(Process& caller, Process& process) {
  const Credentials& own = caller.credentials();
  const Ref<const Credentials> other = process.hold_credentials();
  const std::uint32_t user = own.ids().effective_user;
  if (!own.privileged() && user != other->ids().user && user != other->ids().effective_user) return Error::perm;
  return {};
}

Result<void> renice(Process& caller, const Named& named, int nice) {
  TRY(check_may_renice(caller, *named.process));
  if (!named.thread) return {};
  if (!caller.credentials().privileged() && nice < named.thread->nice()) return Error::acces;
  named.thread->set_nice(nice);
  return {};
}

}  // namespace

Result<int> priority(Process& caller, PriorityOf which, int number) {
  if (which == PriorityOf::thread) return nice_of(TRY(find_named(caller, number)));
  int best = INT32_MAX;
  TRY(for_each_meant(caller, which, number, [&](const Named& named) -> Result<void> {
    best = std::min(best, nice_of(named));
    return {};
  }));
  return best;
}

Result<void> set_priority(Process& caller, PriorityOf which, int number, int nice) {
  constexpr int best = -20, worst = 19;
  nice = std::clamp(nice, best, worst);
  if (which == PriorityOf::thread) return renice(caller, TRY(find_named(caller, number)), nice);
  return for_each_meant(caller, which, number, [&](const Named& named) { return renice(caller, named, nice); });
}

}  // namespace cv6
