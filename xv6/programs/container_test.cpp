// The whole story: three containers, five processes. What they see of each other, how they are scheduled, what their memory
// is called, and that each container has files of its own. The barrier keeps the parts apart.
#include "container.c"

namespace {

constexpr int containers = 3, children = 5;

int container_of(int child) { return child <= 3 ? 0 : child - 3; }  // 1-3 are in the first, 4 in the second, 5 in the third

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

void run_child(int child, const int (&ids)[containers]) {
  if (join_container(ids[container_of(child)]) < 0) printf(1, "Child %d: cannot join\n", child);
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

}  // namespace

int main() {
  constexpr int stages = 7;
  int ids[containers];
  if (barrier_init(children + 1) < 0) {
    printf(1, "container_test: no barrier\n");
    exit();
  }
  for (int& id : ids) id = create_container();
  for (int child = 1; child <= children; ++child) {
    const int pid = fork();
    if (pid < 0) {
      printf(1, "container_test: fork failed\n");
      exit();
    }
    if (pid == 0) run_child(child, ids);
  }
  for (int stage = 0; stage < stages; ++stage) barrier();
  for (int child = 0; child < children; ++child) wait();
  for (const int id : ids)
    if (destroy_container(id) < 0) printf(1, "container_test: cannot destroy %d\n", id);
  printf(1, "container_test: done\n");
  exit();
}
