module edge-fpm/bench/records

go 1.19
