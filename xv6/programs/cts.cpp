// Files of a container: what is made and changed inside, and that the host's are as they were afterwards.
#include "container.c"

namespace {

void append(const char* name, const char* text) {
  const int file = container_open(name, O_RDWR);
  if (file < 0 || container_write(file, text) < 0) printf(1, "cts: cannot write %s\n", name);
  container_close(file);
}

void show(const char* name) {
  printf(1, "%s: ", name);
  container_cat(name);
}

}  // namespace

int main() {
  container_close(container_create("host_file"));
  append("host_file", "written on the host\n");
  printf(1, "On the host (%d):\n", cid());
  container_ls();

  const int id = create_container();
  if (id < 0 || join_container(id) < 0) {
    printf(1, "cts: no container can be made and joined here (only on the host, or with --nesting)\n");
    unlink("host_file");
    exit();
  }
  printf(1, "In container %d:\n", cid());
  proc_stat_container();
  dps();
  container_close(container_create("new_file"));
  append("new_file", "made inside\n");
  append("new_file", "and appended to\n");
  show("new_file");
  append("host_file", "changed inside\n");
  show("host_file");
  container_ls();

  leave_container();
  printf(1, "On the host again (%d):\n", cid());
  show("host_file");
  container_ls();
  if (destroy_container(id) < 0) printf(1, "cts: cannot destroy %d\n", id);
  unlink("host_file");
  exit();
}
