#include "container/manager.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "fs/cow/view.hpp"
#include "fs/dentry.hpp"
#include "fs/device.hpp"
#include "fs/real_time.hpp"
#include "lib/hash_table.hpp"
#include "lib/format.hpp"
#include "mm/payer.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

// The names as the table has them, with its lock held.
struct ContainerByName {
  static std::string_view key(const Container& container) { return ContainerManager::table_name(container); }
  static std::uint64_t hash(std::string_view name) { return ComponentName::of(name).hash; }
  static bool equal(const Container& container, std::string_view name) { return key(container) == name; }
};

namespace {

// Finding, taking in and taking out cost the same however many there are.
struct Table {
  Vector<Container*> by_id;  // its place is its id; null: that one is free
  HashTable<Container, &Container::name_node, ContainerByName> by_name;
  int lowest_free = 0;  // no id below is free
  unsigned count = 0;

  int end() const { return static_cast<int>(by_id.size()); }
  Container* find(int id) const { return id >= 0 && id < end() ? by_id[static_cast<unsigned>(id)] : nullptr; }
  bool has(const Container& container) const { return find(container.id()) == &container; }

  // The lowest free id from `from` on.
  int free_id(int from) const {
    while (find(from)) ++from;
    return from;
  }
  // Error::nomem. The tables are the system's, whoever makes them grow.
  Result<void> make_room(int id) {
    const payer::Scope nobody(nullptr);
    while (end() <= id) TRY(by_id.push_back(nullptr));
    return {};
  }
  void insert(Container& container) {
    const payer::Scope nobody(nullptr);
    by_id[static_cast<unsigned>(container.id())] = &container;
    by_name.insert(container);
    ++count;
  }
  void remove(Container& container) {
    by_id[static_cast<unsigned>(container.id())] = nullptr;
    by_name.remove(container);
    --count;
    if (container.id() < lowest_free) lowest_free = container.id();
    while (end() > 0 && !by_id[by_id.size() - 1]) by_id.pop_back();
  }
};

constinit Guarded<Table, Rank::container_tree> table;
constinit Container* host_container = nullptr;
constexpr std::uint64_t unlimited_pages = UINT64_MAX;

bool is_valid_name(std::string_view name) {
  if (name.empty() || name.size() > Container::hostname_size) return false;
  for (char c : name)
    if (c <= ' ' || c > '~' || c == '/') return false;
  return true;
}

Result<Path> view_for(Container& parent, const ContainerSettings& settings, const Ref<GuestMemory>& owner,
                      const Ref<DiskAccount>& disk) {
  const Path above = parent.root();
  if (!above) return Error::srch;
  auto view = cow::create_view_of_tree(settings.root ? settings.root : above, above, owner, disk);
  if (!view) return view.error() == Error::nospc ? Error::nomem : view.error();  // what fills no disk is memory
  Path root = *std::move(view);
  if (settings.root_access == ContainerSettings::RootAccess::read_only)
    root.mount->set_flags(root.mount->flags() | mount_flag::read_only | mount_flag::locked);
  return root;
}

// The rules of a container and all above it. With the table's lock held.
CallRules effective_rules(Container& container) {
  CallRules rules = container.gate().own_rules();
  for (Container* at = container.parent(); at; at = at->parent()) rules = united(rules, at->gate().own_rules());
  return rules;
}

// Rules of those above may be on their way down to their children: change_call_rules().
bool any_rules_above(Container& container) {
  for (Container* at = container.parent(); at; at = at->parent())
    if (at->gate().state() & CallGate::has_policy) return true;
  return false;
}

using DefaultName = std::array<char, 32>;

// (Without the general formatter, which would be the larger part of it.)
std::string_view default_name_of(int id, DefaultName& to) {
  constexpr std::string_view start = "box-";
  std::ranges::copy(start, to.begin());
  return {to.data(), std::to_chars(to.data() + start.size(), to.data() + to.size(), id).ptr};
}

// The same with a number behind it that nobody could know before.
std::string_view unforeseen_name_of(int id, DefaultName& to) {
  const std::string_view start = default_name_of(id, to);
  to[start.size()] = '-';
  char* const number = to.data() + start.size() + 1;
  return {to.data(), std::to_chars(number, to.data() + to.size(), static_cast<std::uint32_t>(random_number())).ptr};
}

// For a container without a name; `id` is the lowest that is free. One that somebody named like this keeps its name, and
// the id after it serves as well. All that follow may have been named so beforehand: the search is under the table's lock,
// so it ends after some, with a name that was not to be foreseen.
std::string_view choose_name(const Table& all, int& id, DefaultName& to) {
  constexpr int most_tries = 64;
  const int lowest = id;
  for (int tries = 0; tries < most_tries; ++tries, id = all.free_id(id + 1))
    if (const std::string_view name = default_name_of(id, to); !all.by_name.find(name)) return name;
  id = lowest;
  std::string_view name;
  do name = unforeseen_name_of(id, to);
  while (all.by_name.find(name));
  return name;
}

}  // namespace

namespace {

// With the table's lock held: destroy() marks a container and goes through the table for those below afterwards, so what is
// taken in before it does so is found there, and what comes later finds the mark.
bool is_any_stopping(const Container* at) {
  for (; at; at = at->parent())
    if (at->state() == Container::State::stopping) return true;
  return false;
}

}  // namespace

// Gives the container its id and name and takes it in.
Result<void> ContainerManager::enter_into_table(Container& container, std::string_view wanted_name) {
  DefaultName default_name;
  auto locked = table.lock();
  if (is_any_stopping(container.parent())) return Error::srch;
  int id = locked->lowest_free = locked->free_id(locked->lowest_free);
  std::string_view name = wanted_name;
  if (name.empty()) {
    name = choose_name(*locked, id, default_name);
  } else if (locked->by_name.find(name)) {
    return Error::exist;
  }
  TRY(locked->make_room(id));
  container.id_ = id;
  container.memory().set_container_id(id);
  set_name(container, name);
  locked->insert(container);
  container.hold();  // the table's own reference
  ++container.parent()->children_;
  if (any_rules_above(container)) container.gate().update(effective_rules(container));
  return {};
}

void ContainerManager::set_name(Container& container, std::string_view name) {
  container.name_.assign(name);
  container.names_.with([&](Container::Names& names) { names.own = container.name_; });
}

Result<void> ContainerManager::rename(Container& container, std::string_view name) {
  if (!is_valid_name(name)) return Error::inval;
  auto locked = table.lock();
  if (!locked->has(container)) return Error::srch;
  if (Container* other = locked->by_name.find(name)) return other == &container ? Result<void>() : Error::exist;
  locked->by_name.remove(container);
  set_name(container, name);
  locked->by_name.insert(container);
  return {};
}

Result<void> ContainerManager::initialise() {
  Ref<Container> host = TRY(make<Container>());
  host->sched_context_ = TRY(SchedContext::create());
  host->memory_ = Ref<GuestMemory>(&GuestMemory::host());
  host->memory_->set_container_id(Container::host_id);
  set_name(*host, "host");
  host->set_hostname("cv6");
  host_container = host.leak();
  return {};
}

Container& ContainerManager::host() { return *host_container; }

// No deeper than views of views: where a container's root is no view (a tmpfs mounted in its parent), that does not bound it,
// and whoever climbs the tree (charging, the choice of who runs, the end of the innermost) counts on its being low.
Result<Ref<Container>> ContainerManager::create(Container& parent, const ContainerSettings& settings) {
  if (parent.depth() >= cow::max_depth) return Error::loop;
  if (!settings.name.empty() && !is_valid_name(settings.name)) return Error::inval;
  if (settings.hostname.size() > Container::hostname_size) return Error::inval;

  Ref<Container> container = TRY(make<Container>());
  container->parent_ = Ref<Container>(&parent);
  container->depth_ = parent.depth() + 1;
  container->tasks_.hang_below(parent.tasks_);
  container->messages_.hang_below(parent.messages_);
  if (parent.descriptors()) container->descriptors_.counter().hang_below(parent.descriptors()->counter());
  container->nesting_ = settings.nesting;
  container->lifetime_ = settings.lifetime;
  container->life_.with([](ContainerLife& life) { life.created = real_time_now(); });
  container->sched_context_ = TRY(SchedContext::create(&parent.sched_context(), settings.scheduling));
  container->memory_ = TRY(GuestMemory::create(parent.memory(), unlimited_pages));
  container->payer_ = container->memory_->as_payer();
  container->disk_ = TRY(DiskAccount::create(parent.disk_));
  container->set_root(TRY(view_for(parent, settings, container->memory_, container->disk_)));
  TRY(enter_into_table(*container, settings.name));
  container->set_hostname(settings.hostname.empty() ? container->name().view() : settings.hostname);
  return container;
}

void ContainerManager::remove(Container& container) {
  {
    auto locked = table.lock();
    if (!locked->has(container)) return;
    locked->remove(container);
    container.memory().set_container_id(GuestMemory::nobody);
    --container.parent()->children_;
  }
  container.release();
}

Ref<Container> ContainerManager::find(Container& viewer, int id) {
  return table.with([&](Table& all) -> Ref<Container> {
    Container* found = all.find(id);
    return found && found != &viewer && found->is_or_is_below(viewer) ? Ref<Container>(found) : nullptr;
  });
}

Ref<Container> ContainerManager::find(Container& viewer, std::string_view name) {
  return table.with([&](Table& all) -> Ref<Container> {
    Container* found = all.by_name.find(name);
    return found && found != &viewer && found->is_or_is_below(viewer) ? Ref<Container>(found) : nullptr;
  });
}

Ref<Container> ContainerManager::next(Container& viewer, int after) {
  return table.with([&](Table& all) -> Ref<Container> {
    if (viewer.children_ == 0 || after >= all.end()) return nullptr;
    for (int id = std::max(after, Container::host_id) + 1; id < all.end(); ++id)
      if (Container* at = all.find(id); at && at != &viewer && at->is_or_is_below(viewer)) return Ref<Container>(at);
    return nullptr;
  });
}

Ref<Container> ContainerManager::innermost_below(Container& above) {
  return table.with([&](Table& all) -> Ref<Container> {
    if (above.children_ == 0) return nullptr;
    for (Container* at : all.by_id)
      if (at && at != &above && at->children_ == 0 && at->is_or_is_below(above)) return Ref<Container>(at);
    return nullptr;
  });
}

namespace {

CallRules changed(const CallRules& own, ContainerManager::RuleChange change, const CallRules& by) {
  switch (change) {
    case ContainerManager::RuleChange::replace: return by;
    case ContainerManager::RuleChange::tighten: return united(own, by);
    case ContainerManager::RuleChange::loosen:
      return {without(own.denied, by.denied), without(own.fatal, by.denied), without(own.supervised, by.supervised)};
  }
  __builtin_unreachable();
}

}  // namespace

Result<void> ContainerManager::change_call_rules(Container& container, RuleChange change, const CallRules& rules) {
  {
    auto locked = table.lock();
    if (!container.is_host() && !locked->has(container)) return Error::srch;
    container.gate().set_own_rules(changed(container.gate().own_rules(), change, rules));
    container.gate().update(effective_rules(container));
    if (container.children_ == 0) return {};
  }
  // Some ids at a time. Who comes meanwhile begins with the new rules, whatever its id (enter_into_table).
  constexpr int ids_at_once = 256;
  for (int id = 0, end = 0; id == end; sched::maybe_yield()) {
    auto locked = table.lock();
    for (end += ids_at_once; id < end && id < locked->end(); ++id)
      if (Container* below = locked->find(id); below && below != &container && below->is_or_is_below(container))
        below->gate().update(effective_rules(*below));
  }
  return {};
}

ContainerManager::CallRulesOf ContainerManager::call_rules(Container& container) {
  auto locked = table.lock();
  return {container.gate().own_rules(), effective_rules(container)};
}

CallAction ContainerManager::call_action(Container& container, unsigned bit) {
  auto locked = table.lock();
  bool denied = false, fatal = false, supervised = false;
  for (Container* at = &container; at; at = at->parent()) {
    const CallRules& own = at->gate().own_rules();
    denied |= contains(own.denied, bit);
    fatal |= contains(own.fatal, bit);
    supervised |= contains(own.supervised, bit);
  }
  if (denied) return fatal ? CallAction::kill : CallAction::fail;
  return supervised ? CallAction::supervise : CallAction::allow;
}

Ref<Container> ContainerManager::supervising(Container& container, unsigned bit) {
  auto locked = table.lock();
  Container* at = &container;
  while (at && !contains(at->gate().own_rules().supervised, bit)) at = at->parent();
  return Ref<Container>(at);
}

unsigned ContainerManager::count() {
  return table.with([](Table& all) { return all.count; });
}

}  // namespace cv6
