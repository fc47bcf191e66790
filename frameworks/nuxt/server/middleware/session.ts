export default fromNodeMiddleware(session);
