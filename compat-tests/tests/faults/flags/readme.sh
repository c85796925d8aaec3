cargo() { [ "$*" = "build --release" ]; }
# THE BLOCK
answers 2379 12379 22379
listening
export ETCDCTL_ENDPOINTS=127.0.0.1:2379,127.0.0.1:12379,127.0.0.1:22379
"$ETCDCTL" endpoint health >health.out 2>&1
echo "$(grep -c 'is healthy' health.out) of 3 healthy"
# As the README goes on: taken at one member, seen at another.
ask() { # port, command
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf '%s\r\n' "$2" >&3
    head -"$3" <&3 | tr -d '\r'
}
ask 16379 "SET lock:b me NX PX 30000" 1 | grep -q '^+OK$'
ask 26379 "GET lock:b" 2 | tail -1
