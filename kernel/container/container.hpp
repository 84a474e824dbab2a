// The container: one object that owns everything its processes can see or use up.
//
//   identity            id, name, parent, state
//   pids                the numbers its processes are known by, and through them the processes themselves
//   sched_context       its virtual scheduler: policy and queue, and its share of the processors; frozen or not
//   memory              its guest-physical memory, and what it is charged
//   tasks               how many processes and threads it and those below have, and may have
//   descriptors         the numbers of its processes' descriptors (cfd), how many there are, and may be
//   messages            how many wait for its processes and those below, and may
//   disk                how much data of files it and those below have changed, and may
//   console             what its programs print
//   life                when it was made, started, ended, and how
//   gate                which system calls its processes may make, and the log of those they made
//   root                its view of the files: copy on write over what it was given
//   hostname            its own
//
// The host is a container too, the root of the tree; so no code asks whether a process is "in a container". Containers
// nest; a parent sees and controls everything below it, nobody sees up or sideways.
//
// States:  ready --first process--> active --last process gone--> ready;   any --destroy--> stopping --> gone
// One that is ready or active may be frozen as well: what is inside does not run until it is thawed.
// A container that is stopping takes no new processes. It is freed when the last Ref goes: the manager's, its
// processes', its children's.
#pragma once

#include <atomic>
#include <string_view>

#include "container/allocation_record.hpp"
#include "container/call_tally.hpp"
#include "container/console.hpp"
#include "container/descriptor_numbers.hpp"
#include "container/ended_timers.hpp"
#include "container/gate.hpp"
#include "container/log_share.hpp"
#include "container/pid.hpp"
#include "fs/file.hpp"
#include "lib/hash_table.hpp"
#include "lib/string.hpp"
#include "mm/payer.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

// May its own root make containers below it?
enum class Nesting : std::uint8_t { no, yes };

// Does it go by itself when the last process ends, or leaves?
enum class Lifetime : std::uint8_t { until_destroyed, until_empty };

struct ContainerSettings {
  std::string_view name;      // empty: "box-<id>", or "box-<id>-<number>"
  std::string_view hostname;  // empty: the name
  SchedSettings scheduling;
  Path root;                  // what its view of the files is a view of; empty: all that the parent sees
  enum class RootAccess : std::uint8_t { read_write, read_only } root_access = RootAccess::read_write;
  Nesting nesting = Nesting::no;
  Lifetime lifetime = Lifetime::until_destroyed;
};

// When its first process was started and ended, since 1970 (0: not yet), and how: a status word as wait(2) has it. How
// often one was started.
struct ContainerLife {
  Nanoseconds created = 0, started = 0, ended = 0;
  int status = 0;
  unsigned starts = 0;
};

class Container : public Counted<Container>, public Charged<Container, "container", 4096> {  // beside: its virtual scheduler, memory, view
 public:
  enum class State : std::uint8_t { ready, active, stopping, frozen };
  static constexpr int host_id = -1;
  static constexpr std::size_t hostname_size = 64;  // sethostname(2)

  ~Container();

  int id() const { return id_; }
  FixedString<hostname_size> name() const;
  Container* parent() const { return parent_.get(); }
  bool is_host() const { return !parent_; }
  unsigned depth() const { return depth_; }  // 0: the host
  bool is_or_is_below(const Container& other) const;

  State state() const;
  unsigned process_count() const { return population_.load(std::memory_order_acquire) & ~stopping_bit; }
  // A process comes to live here / has gone (not: has been reaped). Error::srch once the container is stopping.
  Result<void> enter();
  void leave();
  // It has no process, and none of its that have joined a container below and may come back.
  bool is_over() const { return process_count() == 0 && away_.load(std::memory_order_seq_cst) == 0; }
  void note_away(int by) { away_.fetch_add(static_cast<unsigned>(by), std::memory_order_seq_cst); }
  // From now on no process enters. False: it was stopping already.
  bool begin_stopping();
  WaitQueue& became_empty() { return became_empty_; }
  // After it stopped and its last process has gone: drops what it holds. Zombies may keep the object itself for a while.
  void let_go();

  // The first process spawned inside: orphans go to it, and everything inside ends with it. Null: none. Set and cleared by
  // task/, under its tree lock.
  Process* first_process = nullptr;

  PidTable& pids() { return pids_; }
  SchedContext& sched_context() { return *sched_context_; }
  GuestMemory& memory() const { return *memory_; }
  GuestMemory* payer() const { return payer_; }  // mm/payer.hpp; null: the host
  DiskAccount* disk() { return disk_.get(); }  // data of files changed by it and those below; null: the host's, not counted
  ResourceCounter& tasks() { return tasks_; }            // processes until they are reaped, and their further threads
  DescriptorNumbers* descriptors() { return is_host() ? nullptr : &descriptors_; }  // null: not numbered, not counted
  ResourceCounter& messages() { return messages_; }      // that wait for processes (message.hpp)
  CallGate& gate() { return gate_; }
  CallTally& tally() { return tally_; }
  EndedTimers& ended_timers() { return ended_timers_; }  // with the tree of processes locked
  AllocationRecord& allocations() { return allocations_; }
  ContainerConsole& console() { return console_; }
  // A line from the kernel on its console. False: nothing is attached there.
  bool print(std::string_view line) { return console_.print(line, *memory_); }
  // Asked before each line in the kernel's log that its programs bring about. False: there have been enough. Those below it
  // take of its share as well, or many could do what one cannot; the host's own programs have the host's.
  bool may_log();

  ContainerLife life();
  void note_start();
  void note_end(int status);
  Nesting nesting() const { return nesting_; }
  Lifetime lifetime() const { return lifetime_; }
  // What whoever manages the container notes down about it; at most longest_annotation bytes.
  static constexpr std::size_t longest_annotation = 16384;
  Result<void> annotate(std::string_view text);  // Error::nomem
  Result<String> annotation();
  // Empty once the container has let go.
  Path root();
  // Where the scheduler log is printed, while it is on; null: nowhere, and the decisions stay to be read.
  Ref<File> scheduler_log();
  void set_scheduler_log(Ref<File> file);  // none is taken any more once the container is stopping
  // At boot for the host, at creation for others: before any process is inside.
  void set_root(Path root);

  FixedString<hostname_size> hostname();
  void set_hostname(std::string_view name);
  FixedString<hostname_size> domainname();
  void set_domainname(std::string_view name);

 private:
  friend class ContainerManager;
  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);
  Container() = default;

  int id_ = host_id;
  unsigned depth_ = 0;
  FixedString<hostname_size> name_;  // covered by the manager's table; names_ has a copy for readers
  Ref<Container> parent_;
  // How many processes are inside, and whether it is stopping: one word, so that none enters once it stops.
  static constexpr unsigned stopping_bit = 1u << 31;
  std::atomic<unsigned> population_{0};
  std::atomic<unsigned> away_{0};
  WaitQueue became_empty_;
  PidTable pids_;
  Own<SchedContext> sched_context_;
  Ref<GuestMemory> memory_;
  GuestMemory* payer_ = nullptr;  // memory_->as_payer(), at hand for each switch
  Ref<DiskAccount> disk_;
  ResourceCounter tasks_;
  DescriptorNumbers descriptors_;
  ResourceCounter messages_;
  CallGate gate_;
  CallTally tally_;
  EndedTimers ended_timers_;
  AllocationRecord allocations_;
  ContainerConsole console_;
  Nesting nesting_ = Nesting::yes;  // the host
  Lifetime lifetime_ = Lifetime::until_destroyed;
  unsigned children_ = 0;  // in the manager's table, with its lock
  Guarded<Path, Rank::container> root_;
  struct Names {
    FixedString<hostname_size> own;
    FixedString<hostname_size> host;
    FixedString<hostname_size> domain{"(none)"};
  };
  mutable Guarded<Names, Rank::container> names_;
  Guarded<Ref<File>, Rank::container> scheduler_log_;
  Guarded<LogShare, Rank::container> log_share_;
  Guarded<ContainerLife, Rank::process> life_;  // noted with the tree of processes locked
  Guarded<String, Rank::container> annotation_;

 public:
  HashNode name_node;  // in the manager's table
};

}  // namespace cv6
