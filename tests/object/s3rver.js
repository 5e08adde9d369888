// Serves S3 from the directory given until standard input closes. Prints its port once it listens; 0 takes a free one.
'use strict';

const S3rver = require('s3rver');

const directory = process.argv[2];
const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory, serviceEndpoint: 'localhost' });

server.run().then(({ port }) => console.log(port));
process.stdin.resume();
process.stdin.on('end', () => server.close().then(() => process.exit(0)));
