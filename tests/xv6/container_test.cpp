// Containers, what the kernel prints about processes, timers.
#include "support/test.hpp"

namespace {

// Whether these tests run where containers may be made (on the host).
bool may_manage() { return cid() == -1; }

}  // namespace

TEST(Container, IsJoinedAndLeft) {
  if (!may_manage()) return;
  const int id = create_container();
  EXPECT(id >= 0);
  const int outside = getpid();
  EXPECT(join_container(id) == 0);
  EXPECT(cid() == id);
  EXPECT(join_container(id) == -1);
  EXPECT(destroy_container(id) == -1);
  EXPECT(kill(outside == 1 ? 2 : 1) == -1 || getpid() == 1);
  EXPECT(leave_container() == 0);
  EXPECT(cid() == -1 && getpid() == outside);
  EXPECT(leave_container() == -1);
  EXPECT(destroy_container(id) == 0);
  EXPECT(destroy_container(id) == -1);
  EXPECT(join_container(id) == -1);
}

TEST(Container, BadIdsFail) {
  constexpr int ids[] = {-1, 1000000, static_cast<int>(0x80000000)};
  for (const int id : ids) {
    EXPECT(join_container(id) == -1);
    EXPECT(destroy_container(id) == -1);
  }
}

TEST(Container, HasFilesOfItsOwn) {
  if (!may_manage()) return;
  EXPECT(make_file("f", "outside"));
  const int id = create_container();
  EXPECT(survives([&] {
    if (join_container(id) != 0 || !file_holds("f", "outside")) exit();
    if (!make_file("f", "inside") || !make_file("g", "new") || !file_holds("f", "inside")) exit();
  }));
  EXPECT(file_holds("f", "outside"));
  EXPECT(open("g", O_RDONLY) == -1);
  EXPECT(destroy_container(id) == 0);
}

TEST(Container, DestroyEndsWhatIsInside) {
  if (!may_manage()) return;
  const int id = create_container();
  const int child = in_child([&] {
    join_container(id);
    for (;;) sleep(1000);
  });
  sleep(3);
  EXPECT(destroy_container(id) == 0);
  EXPECT(wait() == child);
}

TEST(Container, MessagesStayInside) {
  if (!may_manage()) return;
  const int id = create_container();
  const int outsider = getpid();
  EXPECT(survives([&] {
    char message[8] = {};
    if (join_container(id) != 0 || send(getpid(), outsider, message) != -1) exit();
    int pid = outsider;
    if (send_multi(getpid(), &pid, message, 1) != -1 || kill(outsider) != -1) exit();
    if (start_timer(outsider) != -1 || end_timer(outsider) != -1) exit();
  }));
  EXPECT(destroy_container(id) == 0);
}

TEST(SchedulerLog, IsOfTheOwnContainer) {
  if (!may_manage()) return;
  EXPECT(scheduler_log_on() == -1 && scheduler_log_off() == -1);
  const int id = create_container();
  EXPECT(survives([&] {
    if (join_container(id) != 0 || scheduler_log_off() != -1) exit();
    if (scheduler_log_on() != 0 || scheduler_log_on() != -1) exit();
    sleep(2);
    if (scheduler_log_off() != 0 || scheduler_log_off() != -1) exit();
  }));
  EXPECT(destroy_container(id) == 0);
}

TEST(MemoryLog, RecordsAllocations) {
  if (!may_manage()) return;
  EXPECT(memory_log_on() == -1 && memory_log_off() == -1);
  const int id = create_container();
  EXPECT(survives([&] {
    if (join_container(id) != 0 || memory_log_off() != -1) exit();
    if (memory_log_on() != 0 || memory_log_on() != -1) exit();
    if (memory_gva(10, 0xabc) != 0 || memory_gva(14, 0xabcd) != 10 || memory_gva(0, 0) != 24) exit();
    if (memory_gva(-1, 0) != -1) exit();
    if (memory_log_off() != 0) exit();
  }));
  EXPECT(destroy_container(id) == 0);
}

TEST(Print, ListsSucceed) {
  EXPECT(ps() == 0);
  EXPECT(dps() == 0);
  EXPECT(proc_stat_container() == 0);
}

TEST(Trace, CountsSinceItWentOn) {
  EXPECT(toggle() == 0);
  for (int i = 0; i < 7; ++i) getpid();
  EXPECT(print_count() == 0);
  EXPECT(toggle() == 0);
}

TEST(Timer, MeasuresProcessorTime) {
  EXPECT(start_timer(1000000) == -1 && end_timer(1000000) == -1);
  EXPECT(start_timer(0) == -1 && end_timer(-1) == -1);
  EXPECT(end_timer(getpid()) == -1);  // it was not started
  EXPECT(start_timer(getpid()) == 0);
  const int until = uptime() + 20;
  while (uptime() < until) {
  }
  const int busy = end_timer(getpid());
  EXPECT(busy > 10 && busy <= 1000);
  sleep(30);
  EXPECT(end_timer(getpid()) <= busy + 100);
}

TEST(Timer, IsThereAfterTheEnd) {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int child = in_child([&] {
    char byte;
    read(ends[0], &byte, 1);
    const int until = uptime() + 10;
    while (uptime() < until) {
    }
  });
  EXPECT(start_timer(child) == 0);
  EXPECT(write(ends[1], "g", 1) == 1);
  sleep(30);
  EXPECT(start_timer(child) == -1 && end_timer(child) >= 10);  // a zombie
  EXPECT(wait() == child);
  EXPECT(end_timer(child) >= 10);
}
