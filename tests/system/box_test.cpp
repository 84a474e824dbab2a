// The life of containers as box shows it, and what can be seen of their inside: what a docker user types.
#include <gtest/gtest.h>

#include "support/console.hpp"

namespace cv6::test {
namespace {

TEST(Box, KeepsWhatAContainerPrinted) {
  const Completed done = run_shell(R"(
    box run --name a sh -c 'echo hello; echo oops >&2; exit 3' >/o 2>/e; echo $?
    cat /o; cat /e
    box logs a >/lo 2>/le; cat /lo; cat /le
    box logs -t a 2>&1 | sed 's/^20[0-9T:.-]*Z /WHEN /'
    box logs --tail 1 a; box logs --since 1h a 2>/dev/null; box logs --since 2000-01-01T00:00:00 a 2>/dev/null
    box logs --since tomorrow a; box logs nobody
  )");
  EXPECT_EQ(done.output, "3\nhello\noops\nhello\noops\nWHEN hello\nWHEN oops\nhello\nhello\n");
  EXPECT_EQ(done.error, "oops\nbox: tomorrow: not a time (10s, 5m, 2h, or 2026-11-22T12:00:00)\n"
                        "box: nobody: no such container (`box ls` shows all)\n");
}

TEST(Box, FollowsTheLastLinesWithoutAGap) {
  const Completed done = run_shell(R"(
    for i in 1 2 3 4 5; do
      box run -d --name a$i sh -c 'i=0; while test $i -lt 2000; do echo $i; i=$((i + 1)); done' >/dev/null
      until box logs a$i | grep -q .; do :; done
      box logs -f -n 3 a$i | awk 'NR > 1 && $1 != last + 1 {print "gap after", last} {last = $1} END {print last}'
    done
    box logs -n 2 a1; box logs -f -n 0 a1
  )");
  EXPECT_EQ(done.output, "1999\n1999\n1999\n1999\n1999\n1998\n1999\n") << done.error;
}

TEST(Box, StartsStopsAndWaits) {
  const Completed done = run_shell(R"(
    box create --name c -e WORD=again sh -c 'echo $WORD'
    box ls -a | grep -c Created
    box start -a c; box start -a c; box logs c
    box run -d --name d sleep 1000
    box stop d; box wait d
    box start d; box kill -s INT d; box wait d
    box start d; box rename d e; box kill e; box wait e
    box start e; box rm e; box rm -f e; box ls -q
    box kill c; box kill -s NONSENSE c; box start -a nobody; box rename c 'a b'
  )");
  EXPECT_EQ(done.output, "0\n1\nagain\nagain\nagain\nagain\n1\nd\n143\nd\nd\n130\nd\ne\n137\ne\ne\n0\n");
  EXPECT_EQ(done.error,
            "box: e: its processes are still running (end them first, or use `box rm -f`)\n"
            "box: c: it is not running\nbox: kill: NONSENSE: no such signal\n"
            "box: nobody: no such container (`box ls` shows all)\n"
            "box: a b: not a name for a container (1 to 64 letters, digits, `-`, `_`, `.`)\n");
}

TEST(Box, AttachShowsTheRestAndPassesTheStatusOn) {
  const Completed done = run_shell(R"(
    box run -d --name w sh -c 'until test -e /go; do usleep 10000; done; echo done; exit 4' >/dev/null
    (usleep 200000; box exec w touch /go) &
    box attach w; echo $?; wait
    box attach w
  )");
  EXPECT_EQ(done.output, "done\n4\n");
  EXPECT_EQ(done.error, "box: w: it is not running (`box start -a` starts it)\n");
}

TEST(Box, PausedContainersStandStill) {
  const Completed done = run_shell(R"(
    box run -d --name p sh -c 'while :; do echo x; usleep 1000; done' >/dev/null
    until box logs p | grep -q x; do :; done
    box pause p; box ls | grep -c frozen
    before=$(box logs p | wc -l); usleep 100000; test $before = $(box logs p | wc -l) && echo still
    box unpause p; until test $(box logs p | wc -l) -gt $before; do :; done; echo on
    box pause p; box kill p; box wait p; box rm p
  )");
  EXPECT_EQ(done.output, "p\n1\nstill\np\non\np\np\n137\np\n") << done.error;
}

// A script's, whose standard input is no terminal, is not stopped by what it has started.
TEST(Box, AProgramThatStopsLeavesTheScriptAlone) {
  const Completed done = run_shell(R"(
    box run --name s sh -c 'echo up; until test -e /go; do usleep 10000; done; echo on' </dev/null &
    until box logs s 2>/dev/null | grep -q up; do usleep 10000; done
    box kill -s STOP s; usleep 100000; box exec s touch /go; box kill -s CONT s; wait $!; echo $?
  )");
  EXPECT_EQ(done.output, "up\ns\ns\non\n0\n") << done.error;
}

TEST(Box, TemporaryOnesGoByThemselves) {
  const Completed done = run_shell(R"(
    box run -d --rm --name t sh -c 'until test -e /go; do usleep 10000; done' >/dev/null
    (usleep 200000; box exec t touch /go) & box wait t; wait
    while box ls -q | grep -q .; do :; done; echo gone
    box run --name x true; box create --name y true; box run -d --name z sleep 100
    box prune; box ls -q
  )");
  EXPECT_EQ(done.output, "0\ngone\n1\n2\nx\ny\n2\n") << done.error;
}

TEST(Box, StartsProgramsAsTheyAreWanted) {
  const Completed done = run_shell(R"(
    box run --rm -u 12:34 -w /tmp -e A=1 -e B sh -c 'id -u; id -g; pwd; echo $A$B'
    B=2 box run --rm -e A=1 -e B sh -c 'echo $A$B'
    box run --rm -u root:34 id -g; box run --rm -u nobody id -u
    box create --name own true >/dev/null; box exec own sh -c 'echo mine:x:77:88:::/bin/sh >>/etc/passwd'; box exec -u mine own id -u
    box run --rm -u noone true; box run --rm -w tmp true; box run --rm -w /none true; box run --rm -e =1 true
    box run -t true </dev/null
  )");
  EXPECT_EQ(done.output, "12\n34\n/tmp\n1\n12\n34\n65534\n77\n");
  EXPECT_EQ(done.error,
            "box: -u noone: no such user (a number will do)\nbox: -w tmp: a path that begins with / is wanted\n"
            "box: true: no such program in the container\nbox: -e =1: NAME=VALUE is wanted\n"
            "box: -t: the standard input is not a terminal\n");
}

// To Unix they are bytes.
TEST(Box, KeepsArgumentsThatAreNotUtf8) {
  const Completed done = run_shell(R"sh(
    odd=$(printf 'x\351\033')
    box run --name a -e "ODD=$odd" sh -c 'printf %s "$0$ODD" | od -An -tx1; pwd' "$odd"
    box start -a a
    box inspect a | grep -c '"ODD=x.*u001b"'
    box commit -c "CMD [1]" a mine; echo $?
    box commit a mine; box run --rm mine; box images | grep -c '\\033'; box rmi mine
    mkdir -p "/tmp/$odd"; box run --rm -v "/tmp/$odd:/v" -w "/$odd" true; echo $?; box ls -q; ls -A /var/lib/box/images
  )sh");
  EXPECT_EQ(done.output, " 78 e9 1b 78 e9 1b\n/\n 78 e9 1b 78 e9 1b\n/\n1\n125\nmine\n 78 e9 1b 78 e9 1b\n/\n1\nmine\n127\n0\n");
  EXPECT_EQ(done.error, "box: --change CMD [1]: all words must be strings, as in CMD [\"sh\", \"-c\", \"ls\"]\n"
                        "box: true: no such program in the container\n");
}

TEST(Box, ReadsNoUsersFromWhatIsNoFile) {
  const Completed done = run_shell(R"(
    box run --name a sh -c 'rm /etc/passwd; mkfifo /etc/passwd; rm -f /etc/group; ln -s /dev/zero /etc/group'
    box exec -u nobody a true; box exec -u 5:users a true; box exec -u 5 a stat -c %u /proc/self/
  )");
  EXPECT_EQ(done.output, "5\n");
  EXPECT_EQ(done.error, "box: -u nobody: no such user (a number will do)\nbox: -u :users: no such group (a number will do)\n");
}

TEST(Box, LimitsHoldAndCanBeChanged) {
  const Completed done = run_shell(R"(
    box run -d --name l --pids 3 sleep 1000 >/dev/null
    box exec l sh -c 'sleep 1000 & sleep 1000 &' 2>&1
    box update l --pids 2; box exec l true
    box update l --pids 10; box exec l true && echo fits
    box inspect l | grep -A4 '"pids"'
    box update l --files 3; box exec l cat /etc/hostname
    box update l; box update l --pids many
    box stats --no-stream | sed 's/ \+/ /g' | cut -d' ' -f1,2,8-10
  )");
  EXPECT_NE(done.output.find("can't fork"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("l\nl\nfits\n"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("\"limit\": 10"), std::string::npos) << done.output;
  EXPECT_NE(done.error.find("box: true: Resource temporarily unavailable\n"), std::string::npos) << done.error;
  EXPECT_NE(done.error.find("box: update: nothing to be changed (see `box update --help`)\n"), std::string::npos) << done.error;
  EXPECT_NE(done.error.find("box: --pids many: a number, or `unlimited` is wanted\n"), std::string::npos) << done.error;
}

TEST(Box, ShowsWhatIsInside) {
  const Completed done = run_shell(R"(
    box run -d --name s sleep 1000 >/dev/null
    box fds s | sed 's/ \+/ /g' | cut -d' ' -f1,3-
    box top s | grep -c 'sleep 1000'
    box ls --format json | head -c 3; box top s --format json | grep -c '"command": "sleep 1000"'
    box stats --no-stream --format json s | grep -c '"pids": 1'
    box inspect s | grep -e '"name": "s"' -e '"exit_status": null'
    box inspect nobody; box fds; box ls --format xml
  )");
  EXPECT_EQ(done.output,
            "CFD FD MODE OFFSET NAME\n0 0 r 0 /dev/null\n1 1 w 0 anon_inode:[console of container 0]\n"
            "2 2 w 0 anon_inode:[console of container 0]\n1\n[\n 1\n1\n    \"name\": \"s\",\n    \"exit_status\": null,\n");
}

TEST(Box, ContainersMayHaveContainersWhereAllowed) {
  const Completed done = run_shell(R"(
    box run --rm --nesting --name outer sh -c 'box run --rm --name inner sh -c "hostname; box run --rm true"; box ls -q'
    echo $?; box ls -q
  )");
  EXPECT_EQ(done.output, "inner\n0\n");
  EXPECT_EQ(done.error, "box: a new container: Operation not permitted (only root manages containers, on the host or where nesting is allowed)\n");
}

TEST(Box, HelpsWithEachWord) {
  const Completed done = run_shell(R"(
    words=$(box --help | sed -n '/^Subcommands/,$ s/^  \([a-z]*\)[ ,].*/\1/p')
    for word in $words; do box $word --help | grep -q "^Usage: box $word" || echo "no help with $word"; done
    echo $words | grep -o 'run create exec.*policy supervise' | wc -w
    box unpause --help | grep -c '^Usage: box unpause'; box ps --help | grep -c '^Usage: box ls'
    box nonsense; echo $?
  )");
  EXPECT_EQ(done.output, "32\n1\n1\n125\n");
  EXPECT_EQ(done.error, "box: nonsense: no such word (see `box --help`)\n");
}

// At a terminal: the table is no wider than that, and what is typed reaches the program.
TEST(Box, FitsTheTerminal) {
  Guest guest({"--cpus", "2"});
  guest.command("box run -d --name a-rather-long-name-for-a-container --hostname another-long-name-of-a-host sleep 1000");
  const std::string table = guest.command("box ls");
  for (std::size_t start = 0, end; (end = table.find('\n', start)) != std::string::npos; start = end + 1)
    EXPECT_LE(end - start, 80u) << table;
  guest.type("box run -it --rm sh -c 'echo ready; exec cat'\r");
  guest.wait_for("ready\r\n");
  guest.type("typed\r");
  guest.wait_for("typed\r\ntyped\r\n");
  guest.type("\x04");
  guest.wait_for("cv6# ");
}

}  // namespace
}  // namespace cv6::test
