// The order in which spin locks are taken: a thread that holds one takes only ones of a greater rank. The debug build
// checks it at every lock; so two processors can never wait for each other. Sleeping locks (sched/mutex.hpp) are taken
// before any spin lock and have an order of their own.
#pragma once

#include <cstdint>

namespace cv6 {

enum class Rank : std::uint8_t {
  container_tree,   // the manager's table and the tree
  container,        // one container: its names
  process_tree,     // parents, children, groups, sessions, pid tables
  process,          // one process: its threads, state
  pid,              // one Pid's number in a joined container
  pid_table,        // the numbers of one container
  signals,          // pending signals and handlers
  futex,            // a bucket of the futex table
  tty,              // line discipline state
  descriptors,      // a descriptor table
  file_locks,       // locks of an inode
  socket_names,     // which socket is bound to what
  sockets,          // one socket: its queue and whom it is connected with
  passed_sockets,   // how sockets are on their way through sockets
  dentries,         // the dentry cache
  inode,            // attributes, directory entries
  page_cache,       // the index of a file's pages
  mappings,         // which address spaces map a file
  page_tables,      // the lower levels of one address space; fork holds the parent's, then the child's
  guest_memory,     // a container's frame table
  call_log,         // a container's log of system calls
  port,             // a device's queue
  wait_queue,       // who waits for something
  epoll_pollers,    // who waits for an epoll: of these locks several are held, in the order in which epolls are nested
  epoll,            // what is ready in one epoll, and who waits in epoll_wait
  timers,           // one processor's timers
  scheduler,        // run queues
  objects,          // an object cache
  frames,           // the frame allocator
  log,              // the kernel log
};

}  // namespace cv6
