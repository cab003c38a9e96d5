"""Whether a cache of players' rows in Redis would pay: CPU of a read of 10 rows from PostgreSQL (as GET /v1/challenges does
it) against a read of as many bytes from Redis, and against what the guide's mixed scenario would need, where every event has
to tell the cache. Redis is charged for the server alone; asking it would cost the service as much as asking PostgreSQL does."""
import shutil

from measure import run
from service import load
from stack import DATABASE, Stack

CACHE = "challenge-redis"
ROWS_BYTES = 1000           # 10 rows as the service would keep them
EVENTS_PER_READ = 5         # scenario 3: 1,000 RPS and 5,000 EPS
COMMANDS = 50_000


def redis_cpu(stack, *command):
    """Milliseconds of redis-server's CPU a command, 8 connections, nothing pipelined."""
    before = stack.cpu()[CACHE]
    run(["redis-benchmark", "-p", stack.env["REDIS_URL"].rpartition(":")[2], "-c", "8", "-n", COMMANDS, "-r", "10000",
         "-q", *command])
    return (stack.cpu()[CACHE] - before) * 1000 / COMMANDS


def measure(table, pairs, seconds):
    if shutil.which("redis-benchmark") is None or shutil.which("wrk") is None:
        print("  redis-benchmark or wrk is not on this machine; nothing measured")
        return
    with Stack() as stack:
        stack.reset()
        rows, sets, gets = "x" * ROWS_BYTES, [], []
        database = []
        for _ in range(pairs):
            database.append(load(stack, "/v1/challenges", seconds)["database"])
            sets.append(redis_cpu(stack, "SET", "rows:__rand_int__", rows))
            gets.append(redis_cpu(stack, "GET", "rows:__rand_int__"))
        database, write, read = (sorted(values)[len(values) // 2] for values in (database, sets, gets))
    table.add("read of a player's 10 rows, reads only: CPU of Redis", "ms/read", read, "PostgreSQL", database, database / read,
              command="bench/run redis")
    mixed = read + EVENTS_PER_READ * write
    table.add(f"read of a player's 10 rows, {EVENTS_PER_READ} events a read each telling the cache: CPU of Redis", "ms/read", mixed,
              "PostgreSQL", database, database / mixed, goal="> 1 to pay", command="bench/run redis")
