#include "task/proc/root_directory.hpp"

#include "task/proc/process_directory.hpp"

namespace cv6::proc {

namespace {

// Who looks around in the files of another container (view_container) sees no processes there: they would be those of its own,
// wherever that container's links lead.
bool looks_elsewhere() {
  const Path root = viewer().root();
  return !root || root.mount->tree() != Process::current().fs().tree();
}

// Error::noent: nobody who looks is a process that the viewer sees (it is just leaving its container).
Result<int> own_number() {
  if (looks_elsewhere()) return Error::noent;
  const int number = Process::current().pid()->number_in(viewer());
  if (number == 0) return Error::noent;
  return number;
}

class SelfLink final : public SyntheticLink {
 public:
  SelfLink() : SyntheticLink(procfs()) {}
  Result<void> generate(Output& out) override {
    print(out, "{}", TRY(own_number()));
    return {};
  }
};

class ThreadSelfLink final : public SyntheticLink {
 public:
  ThreadSelfLink() : SyntheticLink(procfs()) {}
  Result<void> generate(Output& out) override {
    print(out, "{}/task/{}", TRY(own_number()), UserThread::current().tid()->number_in(viewer()));
    return {};
  }
};

class MountsLink final : public SyntheticLink {
 public:
  MountsLink() : SyntheticLink(procfs()) {}
  Result<void> generate(Output& out) override {
    out.write("self/mounts");
    return {};
  }
};

}  // namespace

RootDirectory::RootDirectory() : SyntheticDirectory(procfs()) { set_dynamic(); }

Result<Ref<Inode>> RootDirectory::child(std::string_view name) {
  const int number = parse_number(name);
  if (number == 0 || looks_elsewhere()) return Error::noent;
  return ProcessDirectory::create(TRY(Subject::of_process(number)));
}

// Positions are the processes' numbers.
Result<void> RootDirectory::list(std::uint64_t& position, DirectorySink& sink) {
  int number = static_cast<int>(position - first_dynamic_position) - 1;
  if (number < 0) number = 0;
  if (looks_elsewhere()) return {};
  while (next_process(viewer(), number)) {
    const std::uint64_t next = first_dynamic_position + static_cast<std::uint64_t>(number) + 1;
    char name[12];
    if (!sink.entry(format_to(name, "{}", number), Subject::process_inode_number(number), FileType::directory, next))
      return {};
    position = next;
  }
  return {};
}

Result<void> add_self_links(SyntheticDirectory& root) {
  TRY(root.add("self", TRY(make<SelfLink>())));
  TRY(root.add("thread-self", TRY(make<ThreadSelfLink>())));
  TRY(root.add("mounts", TRY(make<MountsLink>())));
  return {};
}

}  // namespace cv6::proc
