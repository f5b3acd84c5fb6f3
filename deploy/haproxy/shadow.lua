-- Sends copies of requests to HAPROXY_SHADOW, beside the requests themselves, and throws the answers away.
-- A copy never delays a request: it is queued, and dropped if the shadow cannot keep up.
local address = os.getenv("HAPROXY_SHADOW")
local MOST_WAITING, SENDERS = 64, 8
local SECONDS = 5
local NOT_COPIED = { ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["expect"] = true }
local waiting = {}

core.register_action("copy_to_shadow", { "http-req" }, function(txn)
    local body = txn.sf:req_body()
    -- A body that is larger than tune.bufsize is not here as a whole.
    if #waiting >= MOST_WAITING or #body ~= tonumber(txn.f:req_body_size()) then
        return
    end
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not NOT_COPIED[name] then
            headers[name] = {}
            for _, value in pairs(values) do
                table.insert(headers[name], value)
            end
        end
    end
    table.insert(waiting, { url = "http://" .. address .. txn.sf:url(), headers = headers, body = body })
end)

local function send()
    while true do
        local copy = table.remove(waiting, 1)
        if copy then
            copy.timeout = SECONDS * 1000
            pcall(function() core.httpclient():post(copy) end)
        else
            core.msleep(5)
        end
    end
end

for _ = 1, SENDERS do
    core.register_task(send)
end
