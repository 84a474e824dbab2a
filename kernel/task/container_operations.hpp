// What containers do with processes: spawn, join, leave, destroy. (The objects themselves: container/.)
//
// A refused operation changes nothing. An id that the caller may not know about is Error::srch.
#pragma once

#include <span>
#include <string_view>

#include "task/argument_strings.hpp"
#include "task/process.hpp"

namespace cv6 {

// A process made directly inside a container: no home outside, and of the caller's nothing but what is named here.
struct SpawnRequest {
  std::string_view path;               // in the container's view, from `directory`
  ArgumentStrings arguments;           // and environment
  std::string_view directory = "/";
  struct Passed {
    int from = 0;                      // of the caller's descriptors
    int to = 0;                        // the number that it has there
  };
  std::span<const Passed> descriptors;
  Ref<const Credentials> credentials;  // null: root
  // A group of its own in the caller's session (in the terminal's foreground if wanted and the caller may), or a session
  // of its own, perhaps on the terminal that is its descriptor 0 (Error::notty; perm: that is another session's).
  enum class Place : std::uint8_t { background_group, foreground_group, new_session, terminal_session };
  Place place = Place::background_group;
  Mode umask = 0022;
};

// Returns its number as the caller sees it; the caller is its parent for wait(2). The first process that is spawned into
// an empty container is its number 1, and everything in the container ends with it. Errors: srch (stopping), badf, again,
// nomem, perm, and those of exec: nothing has been started then.
Result<int> spawn(UserThread& caller, Container& container, SpawnRequest request);

// The calling process, all its threads, moves in; its other threads stand still meanwhile (standstill.hpp). Error::srch
// (not below the caller's container, or stopping), perm (the caller is not privileged), busy (it has joined one), inval
// (shares memory, descriptors or directories with a process that would stay outside), nomem, restart_if_asked.
Result<void> join(UserThread& caller, Container& container);

// Back to where it joined from. What it opened inside is closed and unmapped. A process without a home outside, or that has
// executed a program since it joined, or whose home is being destroyed, ends on its way to user mode; on the host: Error::srch.
Result<void> leave(UserThread& caller);

// Ends everything in it and below, waits for that, and takes them out of the manager's table. Error::busy: the caller is
// inside; perm; srch: it is being destroyed already. Not interrupted by anything: what it waits for has been killed.
Result<void> destroy(UserThread& caller, Container& container);

// The same by the kernel itself, from outside of the container or at the end of its last process.
Result<void> destroy(Container& container);

// After a process has gone from it, or will not come back: the last one takes a temporary container along.
void destroy_if_over(Container& container);

// The caller's root and working directories become the container's root: setns(2) for files only. Everything else of the
// process stays, so this works whatever the container's processes do. What is open stays usable for its data; directories
// of the former tree lead nowhere (Error::xdev), as after a join. Error::busy: the caller has joined a container, which
// its leave would bring back; Error::srch: the container is being destroyed.
Result<void> view(Process& caller, Container& container);

// A process has a home outside of its container. For fork: the child of a joined process has none.
bool has_joined(const Process& process);
// The container outside; null: it has not joined one.
Ref<Container> home_of(const Process& process);

}  // namespace cv6
