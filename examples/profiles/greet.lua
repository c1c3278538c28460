local board = os.getenv("BOARD")
print(string.format("%s from %s (log %s)", arg[1], os.getenv("ARCH"), os.getenv("LOG")))
if board then
  print("board: " .. board)
end
