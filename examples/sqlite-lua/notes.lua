-- notes add WORDS... | list | find WORD | count
local database = db.open(os.getenv("NOTES_DB") or ":memory:")
database:exec("create table if not exists notes (id integer primary key, text not null)")

local commands = {}

function commands.add(...)
  database:exec("insert into notes (text) values (?)", table.concat({ ... }, " "))
  commands.count()
end

function commands.list()
  for _, row in ipairs(database:exec("select id, text from notes order by id")) do
    print(row.id .. "  " .. row.text)
  end
end

function commands.find(word)
  for _, row in ipairs(database:exec("select id, text from notes where instr(text, ?) order by id", word or "")) do
    print(row.id .. "  " .. row.text)
  end
end

function commands.count()
  print(database:exec("select count(*) as n from notes")[1].n .. " notes")
end

local run = commands[arg[1] or "list"]
if not run then
  error("unknown command: " .. tostring(arg[1]) .. " (add, list, find, count)", 0)
end
run(table.unpack(arg, 2))
database:close()
