"""What is given to programs that are not ours, so that they do something worth recording."""

SQL = """
create table t(id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)
  insert into t select i, 'name ' || i, i * 1.5 from n;
create index by_name on t(name);
select count(*), sum(value) from t where name like 'name 1%';
delete from t where id % 3 = 0;
vacuum;
select avg(value), group_concat(distinct substr(name, 1, 6)) from t;
"""
PYTHON = """
import decimal, json, re, sqlite3, subprocess, tempfile, threading
rows = [{"n": i, "s": str(i) * 5} for i in range(1000)]
text = json.dumps(rows)
threads = [threading.Thread(target=lambda: re.findall(r"1+", text)) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
with tempfile.TemporaryFile() as f:
    f.write(text.encode())
db = sqlite3.connect(":memory:")
db.create_function("twice", 1, lambda value: 2 * value)
print(db.execute("select twice(21)").fetchone(), decimal.Decimal(2).sqrt())
db.close()
print(len(text), subprocess.run(["/bin/echo", "child"], capture_output=True, text=True).stdout.strip())
"""
