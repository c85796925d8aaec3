# Without flags: both protocols, on their ports.
"$QUORATE" >first.log 2>&1 &
first=$!
answers 2379
listening
kill "$first" && wait "$first"

# Redis's port is another's: one warning, and etcd's clients are served.
"$QUORATE" --name other --data-dir other --listen-redis-urls redis://127.0.0.1:6379 \
    --listen-client-urls http://127.0.0.1:3379 --advertise-client-urls http://127.0.0.1:3379 \
    --listen-peer-urls http://127.0.0.1:3380 \
    --initial-advertise-peer-urls http://127.0.0.1:3380 \
    --initial-cluster other=http://127.0.0.1:3380 >other.log 2>&1 &
other=$!
answers 3379
"$QUORATE" >second.log 2>&1 &
second=$!
answers 2379
listening | sed -E 's/ (3379|3380|6379)//g'
warnings=$(grep -c '"level":"warn"' second.log)
grep 'Redis clients are not served.*--listen-redis-urls' second.log | grep 127.0.0.1:6379 >/dev/null
echo "taken: $warnings warning, 2379 answers"
kill "$second" && wait "$second"

# Asked for, it must be had.
if "$QUORATE" --listen-redis-urls redis://127.0.0.1:6379 >third.log 2>&1; then
    echo "it started" && exit 1
fi
grep -q "can't listen on 127.0.0.1:6379.*choose another" third.log
echo "asked for: refused, told how to go on"
kill "$other" && wait "$other"
