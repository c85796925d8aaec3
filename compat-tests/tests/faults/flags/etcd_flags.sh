CLUSTER=m1=http://127.0.0.1:2380,m2=http://127.0.0.1:22380,m3=http://127.0.0.1:32380
start() { # name, client port, peer port
    "$QUORATE" --name "$1" --data-dir "$1.etcd" \
        --listen-client-urls "http://127.0.0.1:$2" --advertise-client-urls "http://127.0.0.1:$2" \
        --listen-peer-urls "http://127.0.0.1:$3" \
        --initial-advertise-peer-urls "http://127.0.0.1:$3" \
        --initial-cluster "$CLUSTER" --initial-cluster-state new \
        --initial-cluster-token etcd-cluster-1 >"$1.log" 2>&1 &
}
start m1 2379 2380
start m2 22379 22380
start m3 32379 32380
answers 2379 22379 32379
listening
"$ETCDCTL" --endpoints 127.0.0.1:22379 put foo bar >put.out
"$ETCDCTL" --endpoints 127.0.0.1:32379 get foo --print-value-only
