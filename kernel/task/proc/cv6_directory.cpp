// /proc/cv6: what only this system has. Text in columns, a line for each thing, stable from version to version: tests
// compare it.
#include <algorithm>

#include "container/manager.hpp"
#include "task/proc/subject.hpp"
#include "task/proc/system_files.hpp"

namespace cv6::proc {

namespace {

std::string_view state_name(Container::State state) {
  switch (state) {
    case Container::State::ready:
      return "ready";
    case Container::State::active:
      return "active";
    case Container::State::stopping:
      return "stopping";
    case Container::State::frozen:
      return "frozen";
  }
  __builtin_unreachable();
}

// Calls visit(container) for the viewer's and all below it.
template <class Visit>
void for_each_container(Visit visit) {
  visit(viewer());
  int after = Container::host_id;
  while (Ref<Container> container = ContainerManager::next(viewer(), after)) {
    after = container->id();
    visit(*container);
  }
}

struct Caches {
  Vector<ObjectCache::Counts> all;
  bool complete = true;
};

// By name: the caches themselves are in the order in which they came into use.
Result<void> print_caches(TextBuffer& out) {
  Caches caches;
  ObjectCache::for_each(
      [](const ObjectCache::Counts& counts, void* context) {
        Caches& caches = *static_cast<Caches*>(context);
        if (!caches.all.push_back(counts)) caches.complete = false;
      },
      &caches);
  if (!caches.complete) return Error::nomem;
  std::sort(caches.all.begin(), caches.all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const ObjectCache::Counts& counts : caches.all)
    print(out, "object {} {} {}\n", counts.name, counts.object_size, counts.live);
  return {};
}

// object NAME SIZE LIVE        each kind of kernel object: bytes of one, how many there are
// frames TOTAL FREE            of the machine, in pages
// memory CONTAINER PAGES       what a container is charged; its id
// The machine's counts are for the host only: they would tell a container about others.
Result<void> generate_objects(TextBuffer& out) {
  if (viewer().is_host()) {
    TRY(print_caches(out));
    const frames::Counts counts = frames::counts();
    print(out, "frames {} {}\n", counts.total, counts.free);
  }
  for_each_container(
      [&](Container& container) { print(out, "memory {} {}\n", container.id(), container.memory().counters().pages); });
  return {};
}

Result<void> generate_containers(TextBuffer& out) {
  out.write("id name state processes pages cpu_ns\n");
  for_each_container([&](Container& container) {
    print(out, "{} {} {} {} {} {}\n", container.id(), container.name(), state_name(container.state()),
          container.process_count(), container.memory().counters().pages, container.sched_context().cpu_time());
  });
  return {};
}

constexpr TextFileEntry entries[] = {{"containers", generate_containers}, {"objects", generate_objects}};

}  // namespace

Result<void> add_cv6_directory(SyntheticDirectory& root) {
  return add_text_files(*TRY(root.add_directory("cv6")), entries);
}

}  // namespace cv6::proc
