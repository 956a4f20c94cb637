# Boots a machine inside this one: a real systemd in namespaces of its own over an overlay of / that lies in memory.
# Nothing outside changes; when it ends, or whoever started it, all of it is gone. Ends with 77 where it is not allowed.
#
# usage: unshare --mount --propagation private sh machine.sh EMPTY_FOLDER SECONDS_TO_LIVE
set -eu
folder=$1 seconds=$2
trap 'exit 77' EXIT

mount -t tmpfs -o mode=755 machine "$folder"
cd "$folder"
mkdir upper work root groups
mount -t overlay -o lowerdir=/,upperdir="$folder/upper",workdir="$folder/work" overlay root
mount -t cgroup2 groups groups
group=groups/rotwatch-test-$$
mkdir "$group"
echo 0 > "$group/cgroup.procs"
unshare --cgroup --pid --fork --mount --uts --ipc true
trap - EXIT

# shellcheck disable=SC2016
boot='
set -eu
cd root
mount -t proc -o nosuid,nodev,noexec proc proc
for part in sys sysrq-trigger irq bus; do
    [ ! -e proc/$part ] || { mount --bind proc/$part proc/$part; mount -o remount,bind,ro proc/$part; }
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs shm dev/shm
for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
hostname machine
pivot_root . .
umount -l .
mount --make-rshared /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other \
    setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-syslog,-mknod,-audit_control,-net_admin \
    /lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=no </dev/null
'
setpriv --pdeathsig KILL timeout --signal KILL "$seconds" \
    setpriv --pdeathsig KILL unshare --cgroup --pid --fork --kill-child --mount --uts --ipc sh -c "$boot" || true

echo 0 > groups/cgroup.procs
for _ in 1 2 3 4 5 6 7 8 9 10; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.1
done
