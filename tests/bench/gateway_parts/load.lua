-- wrk: LOAD=read alternates between a page of a workflow and a whole ticket, LOAD=write creates tickets.
local load, tickets = os.getenv("LOAD"), tonumber(os.getenv("TICKETS"))
local headers = { ["Authorization"] = "Bearer " .. (os.getenv("TICKETBUS_TOKEN") or "none"), ["Content-Type"] = "application/json" }
local threads = {}
count, refused = 0, 0 -- globals of a thread: done() reads them

function setup(thread)
   thread:set("id", #threads + 1)
   table.insert(threads, thread)
end

function init()
   math.randomseed(id * 7919)
end

function request()
   count = count + 1
   if load == "write" then
      local body = string.format('{"workflow_id":"bench-%d","title":"Ticket %d of thread %d","description":"%s","ticket_type":"bug","priority":"high","tags":["load"]}',
         count % 20, count, id, string.rep("The basket loses its voucher. ", 8))
      return wrk.format("POST", "/tickets/create", headers, body)
   end
   if count % 2 == 0 then
      return wrk.format("GET", string.format("/tickets/get?workflow_id=bench-%d&limit=20&total=false", math.random(0, 19)), headers)
   end
   return wrk.format("GET", string.format("/tickets/ticket-01990000-0000-7000-8000-%012x", math.random(0, tickets - 1)), headers)
end

function response(status)
   if status >= 300 then
      refused = refused + 1
   end
end

function done(summary, latency)
   local bad = 0
   for _, thread in ipairs(threads) do
      bad = bad + thread:get("refused")
   end
   local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
   io.write(string.format('\n{"requests":%d,"seconds":%.6f,"refused":%d,"errors":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
      summary.requests, summary.duration / 1e6, bad, errors, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
