// The whole story: three containers, five processes. What they see of each other, how they are scheduled, what their
// memory is called, and that each container has files of its own. The barrier keeps the parts apart.
#include "container.c"

namespace {

constexpr int containers = 3, children = 5;
constexpr int stages = 7;  // calls of barrier()

// 1-3 are in the first, 4 in the second, 5 in the third.
int container_of(int child) { return child <= 3 ? 0 : child - 3; }

void show_files(int child) {
  char name[] = "file_00000";
  int number = getpid();
  for (int i = 9; i >= 5; --i, number /= 10) name[i] = static_cast<char>('0' + number % 10);
  container_close(container_create(name));
  barrier();
  if (child < 3) {  // one of each container shows what all in it made
    barrier();
    return;
  }
  printf(1, "Child %d, container %d, made %s and sees:\n", child, cid(), name);
  const int file = container_create("my_file");
  container_write(file, "Modified by: ");
  container_write(file, name + 5);
  container_write(file, "\n");
  container_close(file);
  container_ls();
  container_cat("my_file");
  barrier();
}

// Nobody waits for it in vain.
[[noreturn]] void give_up(int child) {
  printf(1, "Child %d: cannot join its container\n", child);
  for (int stage = 0; stage < stages; ++stage) barrier();
  exit();
}

void run_child(int child, const int (&ids)[containers]) {
  if (join_container(ids[container_of(child)]) < 0) give_up(child);
  printf(1, "Child %d, pid %d, container %d\n", child, getpid(), cid());
  barrier();
  if (child >= 3) proc_stat_container();
  barrier();
  if (child >= 3) scheduler_log_on();
  sleep(10);
  if (child >= 3) scheduler_log_off();
  barrier();
  if (child >= 3) {
    memory_log_on();
    constexpr uint sizes[] = {10, 14, 8};
    for (const uint size : sizes) container_malloc(size);
    memory_log_off();
  }
  barrier();
  show_files(child);
  leave_container();
  barrier();
  exit();
}

// All of them, or none and the program ends.
void make_containers(int (&ids)[containers]) {
  for (int made = 0; made < containers; ++made) {
    ids[made] = create_container();
    if (ids[made] >= 0) continue;
    while (made-- > 0) destroy_container(ids[made]);
    printf(1, "container_test: no containers can be made here (only on the host, or with --nesting)\n");
    exit();
  }
}

}  // namespace

int main() {
  int ids[containers];
  if (barrier_init(children + 1) < 0) {
    printf(1, "container_test: no barrier\n");
    exit();
  }
  make_containers(ids);
  int pids[children], started = 0;
  for (; started < children; ++started) {
    pids[started] = fork();
    if (pids[started] == 0) run_child(started + 1, ids);
    if (pids[started] < 0) break;
  }
  if (started == children) {
    for (int stage = 0; stage < stages; ++stage) barrier();
  } else {
    printf(1, "container_test: fork failed\n");
    for (int child = 0; child < started; ++child) kill(pids[child]);
  }
  for (int child = 0; child < started; ++child) wait();
  for (const int id : ids)
    if (destroy_container(id) < 0) printf(1, "container_test: cannot destroy %d\n", id);
  printf(1, "container_test: done\n");
  exit();
}
