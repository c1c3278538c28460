# Attribute name -> the file that makes the package.
{
}
