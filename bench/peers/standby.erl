%% A worker and its standby, each on a node of its own: the standby monitors the worker's process, and works from the
%% moment at which it is told that it is down. Requests and answers are those of datagram.go.
-module(standby).
-export([start/1]).

%% start is called by the command line with a port and the name of the other node.
start([Port, Other]) ->
    Node = list_to_atom(Other),
    spawn(fun() ->
        register(standby, self()),
        {ok, Socket} = gen_udp:open(list_to_integer(Port), [binary, {ip, {127,0,0,1}}, {active, true}, {recbuf, 1 bsl 20}]),
        _ = erlang:monitor(process, {standby, Node}),
        loop(Socket, standby, gb_sets:new(), nobody)
    end).

%% loop holds what is open while it stands by. A worker answers at once. There is one who asks.
loop(Socket, Role, Held, Who) ->
    receive
        {udp, _, Ip, Port, <<"role">>} ->
            Size = integer_to_binary(1 + length(nodes())),
            ok = gen_udp:send(Socket, Ip, Port, [<<"role ">>, atom_to_binary(Role), <<" ">>, Size]),
            loop(Socket, Role, Held, Who);
        {udp, _, Ip, Port, <<"work ", Words/binary>>} when Role =:= active ->
            [Frame, _] = binary:split(Words, <<" ">>),
            answer(Socket, [binary_to_integer(Frame)], {Ip, Port}),
            loop(Socket, active, Held, {Ip, Port});
        {udp, _, Ip, Port, <<"work ", Words/binary>>} ->
            [Frame, Oldest] = [binary_to_integer(W) || W <- binary:split(Words, <<" ">>)],
            loop(Socket, standby, gb_sets:add(Frame, prune(Held, Oldest)), {Ip, Port});
        {'DOWN', _, process, _, _} ->
            answer(Socket, gb_sets:to_list(Held), Who),
            loop(Socket, active, gb_sets:new(), Who);
        _ ->
            loop(Socket, Role, Held, Who)
    end.

%% prune forgets what was answered.
prune(Held, Oldest) ->
    case gb_sets:is_empty(Held) orelse gb_sets:smallest(Held) >= Oldest of
        true -> Held;
        false -> prune(element(2, gb_sets:take_smallest(Held)), Oldest)
    end.

%% A datagram to one who is gone fails, and does not matter.
answer(_, [], _) ->
    ok;
answer(Socket, Frames, {Ip, Port}) ->
    _ = gen_udp:send(Socket, Ip, Port, [<<"done">> | [[<<" ">>, integer_to_binary(F)] || F <- Frames]]).
